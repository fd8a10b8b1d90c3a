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
}}
