// Package tiles publishes an audit log as the static resources of
// https://c2sp.org/tlog-tiles, and reads logs that are published so.
//
//	mux.Handle("GET /audit/", http.StripPrefix("/audit", auditors(tiles.Handler(store))))
//
// Whoever may read them needs nothing of this project to follow and verify the
// log: [Reader] does it with [audit.Verify] and package monitor, and the tools of
// others (Tessera's, sunlight's) do it too.
//
//	r, err := tiles.NewReader(tiles.HTTP("https://example.com/audit", nil), known)
//	if err != nil {
//		return err
//	}
//	log, err := audit.OpenReader(ctx, r, nil)
//
// Published are the checkpoint, the tree's hashes and the entries' leaves, which
// hold facts, digests and pseudonyms; sealed parts are not. That is still a shop's
// business: let only those in who are to see it.
package tiles
