package sqlstore

import "github.com/posai-go/posai/internal/sqldb"

// The columns beside data are what is searched for; data is the whole record
// as JSON. Times are microseconds of the Unix epoch.
const table = `CREATE TABLE posai_approval_request (
	id text PRIMARY KEY,
	shop text NOT NULL,
	kind text NOT NULL,
	idempotency_key text NOT NULL,
	location text NOT NULL,
	state text NOT NULL,
	created_at bigint NOT NULL,
	version bigint NOT NULL,
	data text NOT NULL,
	UNIQUE (shop, kind, idempotency_key)
);
CREATE INDEX posai_approval_request_state ON posai_approval_request (state, created_at, id);
CREATE INDEX posai_approval_request_created ON posai_approval_request (created_at, id);
`

// On PostgreSQL each row also names the transaction that changed it last, so
// that processes can ask for what was committed since they last looked.
var migrations = []sqldb.Migration{{
	Name:   "requests",
	SQLite: table,
	PostgreSQL: table + `
ALTER TABLE posai_approval_request ADD COLUMN changed_by xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE INDEX posai_approval_request_changed ON posai_approval_request (changed_by);
`,
}, {
	Name:       "documents",
	SQLite:     documents,
	PostgreSQL: documents,
}, {
	Name:       "search",
	SQLite:     search,
	PostgreSQL: search,
}, {
	// SQLite's key compares bytes already.
	Name:       "documents by name",
	SQLite:     `SELECT 1`,
	PostgreSQL: `CREATE INDEX posai_approval_document_name ON posai_approval_document (name COLLATE "C")`,
}}

const documents = `CREATE TABLE posai_approval_document (
	name text PRIMARY KEY,
	version bigint NOT NULL,
	data text NOT NULL
);
`

// A console lists the requests of a state, of a shop or a location, by time;
// each of these is a range of one index.
const search = `ALTER TABLE posai_approval_request ADD COLUMN proposer text NOT NULL DEFAULT '';
ALTER TABLE posai_approval_request ADD COLUMN search text NOT NULL DEFAULT '';
ALTER TABLE posai_approval_request ADD COLUMN unrecorded integer NOT NULL DEFAULT 0;
CREATE INDEX posai_approval_request_shop ON posai_approval_request (shop, state, created_at, id);
CREATE INDEX posai_approval_request_location ON posai_approval_request (location, state, created_at, id);
CREATE INDEX posai_approval_request_kind ON posai_approval_request (kind, state, created_at, id);
CREATE TABLE posai_approval_subject (
	type text NOT NULL,
	id text NOT NULL,
	created_at bigint NOT NULL,
	request_id text NOT NULL REFERENCES posai_approval_request (id) ON DELETE CASCADE,
	PRIMARY KEY (type, id, created_at, request_id)
);
CREATE INDEX posai_approval_subject_request ON posai_approval_subject (request_id);
`
