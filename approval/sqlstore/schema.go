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
}, {
	Name:       "lists of a million requests",
	SQLite:     lists,
	PostgreSQL: lists,
}, {
	Name:       "words in a million requests",
	SQLite:     textTableSQLite + textSQLite + textMove,
	PostgreSQL: textTablePostgreSQL + textMove + textPostgreSQL,
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

// Nearly all requests of a large store are final, so a list of what waits is a
// range of the index by state, and any other a range of one by time, whose few
// waiting requests are skipped. Thus a change of state touches one index.
const lists = `DROP INDEX posai_approval_request_shop;
DROP INDEX posai_approval_request_location;
DROP INDEX posai_approval_request_kind;
CREATE INDEX posai_approval_request_shop_time ON posai_approval_request (shop, created_at, id);
CREATE INDEX posai_approval_request_location_time ON posai_approval_request (location, created_at, id);
CREATE INDEX posai_approval_request_kind_time ON posai_approval_request (kind, created_at, id);
CREATE INDEX posai_approval_request_proposer_time ON posai_approval_request (proposer, created_at, id);
`

// What is searched for words stands beside the request, so that a change of the
// request does not index its words again.
const (
	textTableSQLite     = `CREATE TABLE posai_approval_text (n integer PRIMARY KEY, request_id text NOT NULL UNIQUE` + textColumns
	textTablePostgreSQL = `CREATE TABLE posai_approval_text (request_id text PRIMARY KEY` + textColumns
	textColumns         = ` REFERENCES posai_approval_request (id) ON DELETE CASCADE,
	created_at bigint NOT NULL,
	search text NOT NULL
);
CREATE INDEX posai_approval_text_time ON posai_approval_text (created_at, request_id);
`
	textMove = `INSERT INTO posai_approval_text (request_id, created_at, search) SELECT id, created_at, search FROM posai_approval_request;
ALTER TABLE posai_approval_request DROP COLUMN search;
`

	// https://www.sqlite.org/fts5.html#the_trigram_tokenizer; without positions,
	// because what it finds is compared with the text anyway.
	textSQLite = `CREATE VIRTUAL TABLE posai_approval_trigram USING fts5 (search, content = 'posai_approval_text', content_rowid = 'n',
	tokenize = 'trigram', detail = none, columnsize = 0);
CREATE TRIGGER posai_approval_text_insert AFTER INSERT ON posai_approval_text BEGIN
	INSERT INTO posai_approval_trigram (rowid, search) VALUES (new.n, new.search);
END;
CREATE TRIGGER posai_approval_text_delete AFTER DELETE ON posai_approval_text BEGIN
	INSERT INTO posai_approval_trigram (posai_approval_trigram, rowid, search) VALUES ('delete', old.n, old.search);
END;
CREATE TRIGGER posai_approval_text_update AFTER UPDATE OF search ON posai_approval_text BEGIN
	INSERT INTO posai_approval_trigram (posai_approval_trigram, rowid, search) VALUES ('delete', old.n, old.search);
	INSERT INTO posai_approval_trigram (rowid, search) VALUES (new.n, new.search);
END;
`

	// The extension comes with PostgreSQL, and who owns the database may create
	// it (https://www.postgresql.org/docs/13/pgtrgm.html). Where it is missing,
	// a search reads all texts, but not the requests.
	textPostgreSQL = `DO $$ BEGIN
	CREATE EXTENSION IF NOT EXISTS pg_trgm;
	CREATE INDEX posai_approval_text_trigram ON posai_approval_text USING gin (search gin_trgm_ops);
EXCEPTION WHEN insufficient_privilege OR undefined_file OR undefined_object OR feature_not_supported THEN
	RAISE NOTICE 'posai: no trigram index: %', SQLERRM;
END $$;
`
)
