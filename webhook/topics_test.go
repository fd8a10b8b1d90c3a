package webhook_test

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/webhook"
)

// constants reads the topics that a file of this package declares, by name.
func constants(t *testing.T, name string) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
	require.NoError(t, err)
	topics := make(map[string]string)
	for _, decl := range file.Decls {
		gen, ok := decl.(*ast.GenDecl)
		if !ok || gen.Tok != token.CONST {
			continue
		}
		for _, spec := range gen.Specs {
			s := spec.(*ast.ValueSpec)
			topic, err := strconv.Unquote(s.Values[0].(*ast.BasicLit).Value)
			require.NoError(t, err)
			topics[s.Names[0].Name] = topic
		}
	}
	require.NotEmpty(t, topics)
	return topics
}

// enum reads the topics of the pinned schema.
func enum(t *testing.T) []string {
	t.Helper()
	file, err := os.Open("../shopify/schema/admin.graphql.gz")
	require.NoError(t, err)
	defer file.Close()
	unpacked, err := gzip.NewReader(file)
	require.NoError(t, err)
	var values []string
	lines := bufio.NewScanner(unpacked)
	lines.Buffer(nil, 1<<20)
	for within := false; lines.Scan(); {
		switch line := strings.TrimSpace(lines.Text()); {
		case line == "enum WebhookSubscriptionTopic {":
			within = true
		case within && line == "}":
			return values
		case within:
			values = append(values, line)
		}
	}
	require.NoError(t, lines.Err())
	t.Fatal("the schema has no WebhookSubscriptionTopic")
	return nil
}

// Every topic of the schema has a constant, and every constant is a topic of
// the schema or a compliance topic, which are subscribed to elsewhere.
func TestTopicsAreThoseOfTheSchema(t *testing.T) {
	compliance := []string{string(webhook.CustomersDataRequest), string(webhook.CustomersRedact), string(webhook.ShopRedact)}
	var declared []string
	for _, file := range []string{"topics.go", "topics_raw.go"} {
		for name, topic := range constants(t, file) {
			value := webhook.Topic[json.RawMessage](topic).Enum()
			assert.Equal(t, strings.ReplaceAll(value, "_", ""), strings.ToUpper(name), "the constant is named for its topic")
			if !slices.Contains(compliance, topic) {
				declared = append(declared, value)
			}
		}
	}
	slices.Sort(declared)
	known := enum(t)
	slices.Sort(known)
	assert.Equal(t, known, declared)
	assert.Greater(t, len(known), 200)
}

func TestTopicEnum(t *testing.T) {
	assert.Equal(t, "ORDERS_CREATE", webhook.OrdersCreate.Enum())
	assert.Equal(t, "CUSTOMER_TAGS_ADDED", webhook.CustomerTagsAdded.Enum(), "with a dot")
	assert.Equal(t, "INVENTORY_LEVELS_UPDATE", webhook.InventoryLevelsUpdate.Enum())
}

// The table of samples has all topics with typed payloads.
func TestSamplesOfAllTypedTopics(t *testing.T) {
	var have []string
	for _, s := range samples {
		have = append(have, s.topic)
	}
	slices.Sort(have)
	assert.Equal(t, slices.Sorted(maps.Values(constants(t, "topics.go"))), have)
}
