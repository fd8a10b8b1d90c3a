package demo

import (
	"context"
	"net/http"
	"path/filepath"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/console"
	"github.com/posai-go/posai/approval/slack"
)

// RoleManager is the role that the examples' policies ask.
const RoleManager = "manager"

// Manager is who a printed sign-in link is for. A real shop has its own
// sign-in: see console.Authenticator.
var Manager = approval.Principal{ID: "staff:manager", Name: "Store manager", Type: approval.Human, Roles: []string{RoleManager}}

// SignInLink returns a link by which the manager signs in at the console and
// comes to a request, or to the list if the request is "".
func (s *Service) SignInLink(requestID string) (string, error) {
	path := ""
	if requestID != "" {
		path = "requests/" + requestID
	}
	return s.Links.Link(s.PublicURL("/approvals/"), Manager, path)
}

// mountPeople serves the console, and Slack if it is configured.
func (s *Service) mountPeople(ctx context.Context) error {
	key, err := keyFile(filepath.Join(s.Dir, "console.key"))
	if err != nil {
		return err
	}
	if s.Links, err = console.NewSignedLinks(key, &console.SignedLinksOptions{Store: s.store}); err != nil {
		return err
	}
	pages, err := console.New(s.Queue, s.Links, &console.Options{
		Title: s.parts.Title, Key: key, LocationName: s.parts.LocationName, Rollouts: s.Rollouts, Logger: s.parts.Logger,
	})
	if err != nil {
		return err
	}
	s.closers = append(s.closers, func(context.Context) error {
		pages.Close()
		return nil
	})
	s.Pages.Handle("/approvals/", http.StripPrefix("/approvals", pages))
	if s.cfg.SlackToken == "" {
		return nil
	}
	return s.mountSlack(ctx)
}

func (s *Service) mountSlack(ctx context.Context) error {
	roles, err := parseSlackUsers(s.cfg.SlackUsers)
	if err != nil {
		return err
	}
	channel, err := slack.New(s.Queue, slack.Credentials{BotToken: s.cfg.SlackToken, SigningSecret: s.cfg.SlackSecret, AppToken: s.cfg.SlackAppToken}, s.cfg.SlackChan,
		slack.PeopleFunc(func(_ context.Context, u slack.User) (approval.Principal, error) {
			role, ok := roles[u.ID]
			if !ok {
				return approval.Principal{}, slack.ErrUnknownUser
			}
			return approval.Principal{ID: "slack:" + u.ID, Type: approval.Human, Roles: []string{role}}, nil
		}),
		&slack.Options{Store: s.store, LocationName: s.parts.LocationName, ConsoleURL: s.PublicURL("/approvals/"), Logger: s.parts.Logger})
	if err != nil {
		return err
	}
	if err := channel.Start(ctx); err != nil {
		return err
	}
	s.closers = append(s.closers, channel.Stop)
	s.Pages.Handle("/slack/interactions", channel)
	return nil
}
