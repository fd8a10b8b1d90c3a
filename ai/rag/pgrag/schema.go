package pgrag

import "github.com/posai-go/posai/internal/sqldb"

// room is the name of the tables' schema version in the database.
const room = "ai_rag"

// applyLock is the advisory lock of whoever changes the index: "rag" in hexadecimal.
const applyLock int64 = 0x706f7361_726167

// IDs are compared by bytes, as in Go.
var migrations = []sqldb.Migration{{
	Name: "documents, variants, levels, terms",
	PostgreSQL: `
CREATE TABLE posai_rag_index (
	one boolean PRIMARY KEY DEFAULT true CHECK (one),
	docs bigint NOT NULL DEFAULT 0,
	words bigint NOT NULL DEFAULT 0,
	languages jsonb NOT NULL DEFAULT '{}',
	model text NOT NULL DEFAULT '',
	dims integer NOT NULL DEFAULT 0
);
INSERT INTO posai_rag_index DEFAULT VALUES;
CREATE TABLE posai_rag_row (
	key text COLLATE "C" PRIMARY KEY,
	data text NOT NULL
);
CREATE TABLE posai_rag_document (
	id text COLLATE "C" PRIMARY KEY,
	num bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
	data text NOT NULL,
	kind text NOT NULL,
	codes text[] NOT NULL,
	tags text[] NOT NULL,
	collections text[] NOT NULL,
	length integer NOT NULL,
	digest bytea,
	vector real[]
);
CREATE INDEX posai_rag_document_codes ON posai_rag_document USING gin (codes);
CREATE INDEX posai_rag_document_digest ON posai_rag_document (digest);
CREATE INDEX posai_rag_document_bare ON posai_rag_document (id) WHERE vector IS NULL;
CREATE TABLE posai_rag_variant (
	num bigint NOT NULL REFERENCES posai_rag_document (num) ON DELETE CASCADE,
	n integer NOT NULL,
	price numeric NOT NULL,
	PRIMARY KEY (num, n)
);
CREATE TABLE posai_rag_level (
	num bigint NOT NULL REFERENCES posai_rag_document (num) ON DELETE CASCADE,
	n integer NOT NULL,
	location text COLLATE "C" NOT NULL,
	available bigint NOT NULL,
	untracked boolean NOT NULL,
	PRIMARY KEY (num, n, location)
);
CREATE TABLE posai_rag_term (
	term text COLLATE "C" NOT NULL,
	num bigint NOT NULL REFERENCES posai_rag_document (num) ON DELETE CASCADE,
	tf integer NOT NULL,
	PRIMARY KEY (term, num)
);
CREATE INDEX posai_rag_term_document ON posai_rag_term (num);
CREATE TABLE posai_rag_word (
	term text COLLATE "C" PRIMARY KEY,
	mask bigint NOT NULL,
	docs bigint NOT NULL
);
`,
}}
