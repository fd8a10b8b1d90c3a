package shopifytest

import (
	"net"
	"net/url"
	"regexp"
	"strings"
)

// subscription is a webhook subscription made through the API.
type subscription struct {
	head
	topic         string // enum name, such as ORDERS_CREATE
	uri           string
	name          string
	filter        string
	format        string
	includeFields []string
	namespaces    []string
	metafields    []metafieldName
}

// metafieldName is a metafield that deliveries carry.
type metafieldName struct{ namespace, key string }

// cloudTarget is a Pub/Sub topic or an EventBridge partner event source.
var cloudTarget = regexp.MustCompile(`^(pubsub://[a-z][a-z0-9.:-]+:[A-Za-z][A-Za-z0-9._~+%-]{2,254}|` +
	`arn:aws:events:[a-z0-9-]+::event-source/aws\.partner/shopify\.com(\.test)?/[0-9]+/.+)$`)

// silent reports whether deliveries go where the simulation does not reach.
func (w *subscription) silent() bool { return cloudTarget.MatchString(w.uri) }

// header is the topic as the header and the log name it: ORDERS_CREATE is orders/create.
func (w *subscription) header() string {
	if h, ok := irregularTopics[w.topic]; ok {
		return h
	}
	i := strings.LastIndexByte(w.topic, '_')
	return strings.ToLower(w.topic[:i] + "/" + w.topic[i+1:])
}

// checkTarget says what is wrong with the address to deliver to, or "".
func checkTarget(raw string) string {
	if len(raw) <= 2000 && cloudTarget.MatchString(raw) {
		return ""
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.User != nil || len(raw) > 2000 {
		return "Address is invalid"
	}
	if u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname()) {
		return ""
	}
	if u.Scheme == "http" {
		return "Address protocol http:// is not supported"
	}
	return "Address is invalid"
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// loopbackHost is loopback for a Host header.
func loopbackHost(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return loopback(host)
}
