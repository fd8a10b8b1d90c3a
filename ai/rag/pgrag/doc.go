// Package pgrag is a [rag.Index] in PostgreSQL, for several processes that share one, or
// for a catalog that should not be in memory.
//
//	index, err := pgrag.Open(ctx, "postgres://…", &pgrag.Options{Embedder: embedder, Language: "en"})
//	if err != nil {
//		return err
//	}
//	defer index.Close()
//
// Words are analyzed as by [rag.Memory] and looked up in a table of terms, and the score is
// the same BM25, so a query finds the same in the same order. PostgreSQL's own
// dictionaries are not used: they know neither units nor Chinese, and ts_rank knows
// nothing of how rare a word is.
//
// Vectors are scanned exactly. Where the extension vector (pgvector,
// https://github.com/pgvector/pgvector) is installed in the database the server computes
// the distances; elsewhere each search reads all the vectors that pass its filter, which is
// good for some ten thousand documents. Install it by CREATE EXTENSION vector; at the
// next Open it is used, without any change of tables.
//
// Apply takes a lock, so that changes are made one after the other, in whatever
// process; searches see one state of the database and wait for nobody.
package pgrag
