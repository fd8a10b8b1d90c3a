// Package demo holds what the examples share: the flags that they all have, the
// service that receives webhooks, decides and records, the console's scripted
// visitor of an unattended run, and the words in which a run is told.
//
// An example is its own judgment and its own action; demo is everything around
// them. A program reads its flags into a [Config], opens a [Service], registers
// its action on Service.Queue, its topics on Service.Topics and its pages on
// Service.Pages, and starts it:
//
//	s, err := demo.Open(ctx, cfg, &demo.Parts{Shop: client.Shop(), Dir: dir, Policy: policy})
//	…
//	err = approval.Register(s.Queue, approval.Executor[Action, Result]{…})
//	webhook.On(s.Topics, webhook.OrdersCreate, sold)
//	err = s.Start(ctx)
//	defer s.Stop(ctx)
//
// Package demotest has what the examples' tests share.
package demo
