// Package aitest helps to test programs that use models, and adapters that make
// models.
//
// A program is tested with a scripted [Model], which gives its replies in order
// and fails the test when it is asked too often:
//
//	model := aitest.NewModel(t,
//		aitest.Text(`{"occasion":"gift"}`),
//		aitest.Truncated(`{"occasion":`),
//		aitest.Error(&ai.Error{Class: ai.ErrRateLimited}),
//	)
//
// What goes over the wire is tested with a [Server], which speaks the API of a
// provider over real HTTP and, by [Wire], misbehaves like real servers.
//
// A [Recorder] keeps what a program and a real provider said to one another, and
// [Replay] answers from its file.
//
// An adapter shows with [TestModel] that it keeps the contract of [ai.Model].
package aitest
