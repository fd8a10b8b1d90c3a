package slack

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"

	slackapi "github.com/slack-go/slack"
)

// target is what a button or a dialog is about: the request and the digest of
// what it shows.
type target struct {
	Request string `json:"r"`
	Digest  string `json:"d"`
	Channel string `json:"c,omitempty"` // of the message with the button
	TS      string `json:"t,omitempty"`
}

var errPayload = errors.New("slack: callback cannot be read")

func (t target) encode() string {
	data, err := json.Marshal(t)
	if err != nil {
		return "" // strings always marshal
	}
	return string(data)
}

func parseTarget(text string) (target, error) {
	var t target
	if len(text) > 4*maxValue || json.Unmarshal([]byte(text), &t) != nil || t.Request == "" || t.Digest == "" {
		return target{}, errPayload
	}
	return t, nil
}

// slip is what a dialog carries from the click to the moment it is sent off, in
// its private_metadata. It is good for one person, one dialog and one step, for
// slipLife.
type slip struct {
	target
	Use    string `json:"u"` // callback ID of the dialog
	Team   string `json:"w"`
	User   string `json:"p"`
	ID     string `json:"n"`           // external ID of the dialog
	View   string `json:"v,omitempty"` // Slack's ID of the dialog, once it is known
	Until  int64  `json:"x"`           // Unix seconds
	Edited string `json:"e,omitempty"` // digest that the changes make
}

// slipLife is how long a dialog may be open.
const slipLife = time.Hour

// sealer signs slips, although Slack signs what carries them: so a slip cannot be
// moved into another dialog either, nor made by another feature of the app.
type sealer struct{ key []byte }

func newSealer(creds Credentials) sealer {
	secret := creds.SigningSecret
	if secret == "" {
		secret = creds.AppToken
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("posai/approval/slack v1 dialog"))
	return sealer{key: mac.Sum(nil)}
}

var slipEncoding = base64.RawURLEncoding.Strict()

func (s sealer) sum(body string) string {
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(body))
	return slipEncoding.EncodeToString(mac.Sum(nil))
}

// encode returns the private_metadata of a dialog.
func (s sealer) encode(p slip) (string, error) {
	data, err := json.Marshal(p)
	if err != nil {
		return "", err
	}
	body := slipEncoding.EncodeToString(data)
	text := body + "." + s.sum(body)
	if len(text) > maxSlip {
		return "", errors.New("slack: the dialog would carry too much")
	}
	return text, nil
}

// decode returns the slip of a dialog that was sent off, if it is that dialog's,
// and the one's who sent it.
func (s sealer) decode(c *slackapi.InteractionCallback, now time.Time) (slip, error) {
	var p slip
	body, sum, _ := strings.Cut(c.View.PrivateMetadata, ".")
	if len(c.View.PrivateMetadata) > maxSlip || !hmac.Equal([]byte(sum), []byte(s.sum(body))) {
		return slip{}, errPayload
	}
	data, err := slipEncoding.DecodeString(body)
	if err != nil || json.Unmarshal(data, &p) != nil {
		return slip{}, errPayload
	}
	mine := p.Use == c.View.CallbackID && p.Team == teamOf(c) && p.User == c.User.ID && p.ID == c.View.ExternalID &&
		(p.View == "" || p.View == c.View.ID) && p.Request != "" && p.Digest != ""
	if !mine || now.Unix() > p.Until {
		return slip{}, errPayload
	}
	return p, nil
}

// teamOf is the workspace of who did something.
func teamOf(c *slackapi.InteractionCallback) string {
	if c.Team.ID != "" {
		return c.Team.ID
	}
	return c.User.TeamID
}
