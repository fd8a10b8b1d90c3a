package inbox

import "github.com/posai-go/posai/internal/sqldb"

// State is where a delivery stands.
type State string

// The states.
const (
	Pending    State = "pending"
	Processing State = "processing"
	Done       State = "processed"
	Dead       State = "dead"
)

// Times are microseconds since 1970 by the process's clock; 0 is unknown.
// claim counts the claims and is the fence: what a worker does to the row it
// does under the number of its own claim.
var migrations = []sqldb.Migration{{
	Name: "deliveries",
	SQLite: `CREATE TABLE posai_delivery (
		id integer PRIMARY KEY AUTOINCREMENT, body blob NOT NULL,` + columns,
	PostgreSQL: `CREATE TABLE posai_delivery (
		id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body bytea NOT NULL,` + columns,
}, {
	// version is the resource's, in microseconds like a time. ordering is the
	// key that is worked on once at a time, empty if that was not asked for;
	// skipped says why the function was not called; replays counts them, and a
	// replayed delivery is not skipped.
	Name: "resources, order and watermarks",
	SQL: `ALTER TABLE posai_delivery ADD COLUMN resource text NOT NULL DEFAULT '';
	ALTER TABLE posai_delivery ADD COLUMN version bigint NOT NULL DEFAULT 0;
	ALTER TABLE posai_delivery ADD COLUMN ordering text NOT NULL DEFAULT '';
	ALTER TABLE posai_delivery ADD COLUMN reconciled integer NOT NULL DEFAULT 0;
	ALTER TABLE posai_delivery ADD COLUMN skipped text NOT NULL DEFAULT '';
	ALTER TABLE posai_delivery ADD COLUMN replays integer NOT NULL DEFAULT 0;
	CREATE INDEX posai_delivery_resource ON posai_delivery (resource, shop, topic, version) WHERE resource <> '';
	CREATE INDEX posai_delivery_ordering ON posai_delivery (ordering, shop, id) WHERE ordering <> '' AND state IN ('pending', 'processing');
	CREATE INDEX posai_delivery_dead ON posai_delivery (finished_at) WHERE state = 'dead';
	CREATE TABLE posai_watermark (name text PRIMARY KEY, at bigint NOT NULL)`,
}}

const columns = `
		shop text NOT NULL, dedupe text NOT NULL,
		topic text NOT NULL, webhook_id text NOT NULL, event_id text NOT NULL, api_version text NOT NULL, name text NOT NULL,
		triggered_at bigint NOT NULL, received_at bigint NOT NULL,
		state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'processing', 'processed', 'dead')),
		attempts integer NOT NULL DEFAULT 0,
		claim integer NOT NULL DEFAULT 0,
		worker text NOT NULL DEFAULT '',
		claimed_at bigint NOT NULL DEFAULT 0,
		finished_at bigint NOT NULL DEFAULT 0,
		last_error text NOT NULL DEFAULT '',
		UNIQUE (shop, dedupe));
	CREATE INDEX posai_delivery_state ON posai_delivery (state, id);
	CREATE INDEX posai_delivery_finished ON posai_delivery (finished_at) WHERE state = 'processed'`
