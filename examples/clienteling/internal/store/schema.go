package store

import (
	"fmt"

	"github.com/posai-go/posai/internal/sqldb"
)

// Numbers are Shopify's numeric ids. Versions are seconds, other times microseconds, of
// the Unix epoch. body is JSON. Words are compared by their bytes, for prefixes.
const tables = `
CREATE TABLE clienteling_customer (
	id BIGINT PRIMARY KEY,
	body TEXT NOT NULL
);
CREATE TABLE clienteling_word (
	word TEXT%s NOT NULL,
	customer BIGINT NOT NULL,
	PRIMARY KEY (word, customer)
);
CREATE INDEX clienteling_word_customer ON clienteling_word (customer);

-- customer 0: an order without one, of which nothing else is kept.
CREATE TABLE clienteling_order (
	id BIGINT PRIMARY KEY,
	customer BIGINT NOT NULL,
	version BIGINT NOT NULL,
	at_us BIGINT NOT NULL,
	name TEXT NOT NULL,
	body TEXT NOT NULL
);
CREATE INDEX clienteling_order_customer ON clienteling_order (customer, at_us);
CREATE INDEX clienteling_order_name ON clienteling_order (name);

CREATE TABLE clienteling_note (
	id TEXT PRIMARY KEY,
	customer BIGINT NOT NULL,
	at_us BIGINT NOT NULL,
	body TEXT NOT NULL
);
CREATE INDEX clienteling_note_customer ON clienteling_note (customer, at_us);

-- Who is gone: deleted, merged (into says with whom) or erased (job says by what).
CREATE TABLE clienteling_gone (
	customer BIGINT PRIMARY KEY,
	how TEXT NOT NULL,
	into_customer BIGINT NOT NULL,
	at_us BIGINT NOT NULL,
	job TEXT NOT NULL
);

CREATE TABLE clienteling_variant (
	id BIGINT PRIMARY KEY,
	product BIGINT NOT NULL,
	version BIGINT NOT NULL,
	category TEXT NOT NULL,
	options TEXT NOT NULL
);
CREATE INDEX clienteling_variant_product ON clienteling_variant (product);
CREATE TABLE clienteling_location (
	id BIGINT PRIMARY KEY,
	name TEXT NOT NULL
);

-- How far a customer's state is on its way to the CRM: changed counts the changes,
-- acked is the count as of which the CRM has it.
CREATE TABLE clienteling_sync (
	customer BIGINT PRIMARY KEY,
	changed BIGINT NOT NULL,
	acked BIGINT NOT NULL,
	due_us BIGINT NOT NULL,
	attempts BIGINT NOT NULL,
	sent BIGINT NOT NULL,
	digest TEXT NOT NULL,
	state TEXT NOT NULL,
	problem TEXT NOT NULL,
	choice TEXT NOT NULL,
	request TEXT NOT NULL
);
CREATE INDEX clienteling_sync_due ON clienteling_sync (due_us) WHERE changed > acked;
CREATE INDEX clienteling_sync_state ON clienteling_sync (state);

-- Whom the CRM shall forget. job says what is to be reported once it is done.
CREATE TABLE clienteling_forget (
	crm_key TEXT PRIMARY KEY,
	due_us BIGINT NOT NULL,
	attempts BIGINT NOT NULL,
	problem TEXT NOT NULL,
	job TEXT NOT NULL
);

CREATE TABLE clienteling_lease (
	name TEXT PRIMARY KEY,
	token BIGINT NOT NULL,
	until_us BIGINT NOT NULL
);
CREATE TABLE clienteling_mark (
	name TEXT PRIMARY KEY,
	value TEXT NOT NULL
);
`

var migrations = []sqldb.Migration{{
	Name:       "the client book and its way to the CRM",
	SQLite:     fmt.Sprintf(tables, ""),
	PostgreSQL: fmt.Sprintf(tables, ` COLLATE "C"`),
}}
