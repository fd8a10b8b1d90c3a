package sqlstore

import "github.com/posai-go/posai/internal/sqldb"

// In posai_audit_leaf, hashes are those that the leaf adds to the tree, one after
// the other: of the leaf itself, then of each subtree that it completes, from
// the smallest up. The hash of level l and number n is thus the l-th in the row of
// the entry ((n+1) << l) - 1.
var migrations = []sqldb.Migration{{
	Name: "log",
	PostgreSQL: `
CREATE TABLE posai_audit_log (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	name text NOT NULL UNIQUE,
	size bigint NOT NULL DEFAULT 0,
	checkpoint bytea,
	signer_key text,
	verifier_key text
);
CREATE TABLE posai_audit_batch (
	log bigint NOT NULL REFERENCES posai_audit_log,
	first bigint NOT NULL,
	size bigint NOT NULL,
	checkpoint bytea NOT NULL,
	PRIMARY KEY (log, size)
);
CREATE TABLE posai_audit_leaf (
	log bigint NOT NULL REFERENCES posai_audit_log,
	index bigint NOT NULL,
	id text NOT NULL,
	at timestamptz NOT NULL,
	data bytea NOT NULL,
	sealed bytea[],
	hashes bytea NOT NULL,
	PRIMARY KEY (log, index)
);
CREATE UNIQUE INDEX posai_audit_leaf_id ON posai_audit_leaf (log, id);
CREATE INDEX posai_audit_leaf_at ON posai_audit_leaf (log, at);
CREATE TABLE posai_audit_term (
	log bigint NOT NULL,
	term text COLLATE "C" NOT NULL,
	index bigint NOT NULL,
	PRIMARY KEY (log, term, index)
);
CREATE FUNCTION posai_audit_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'an audit log is append-only';
END $$;
CREATE TRIGGER posai_audit_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON posai_audit_leaf
	FOR EACH STATEMENT EXECUTE FUNCTION posai_audit_immutable();
CREATE TRIGGER posai_audit_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON posai_audit_batch
	FOR EACH STATEMENT EXECUTE FUNCTION posai_audit_immutable();
`,
}}
