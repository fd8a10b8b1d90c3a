// Package audit is an append-only log that proves itself: who did what, on what
// grounds, and that nobody has changed the record since.
//
// Start with [Open] on a store, such as the directory of package
// audit/filestore:
//
//	store, err := filestore.Open("audit", nil)
//	if err != nil {
//		return err
//	}
//	defer store.Close()
//	log, err := audit.Open(ctx, store, nil)
//	if err != nil {
//		return err
//	}
//	defer log.Close()
//	_, err = log.Append(ctx, audit.Entry{
//		Kind:     audit.KindDecided,
//		Actor:    audit.Actor{Type: audit.Human, ID: "manager-7", Role: "manager", Channel: "console"},
//		Action:   "postpurchase.followup",
//		Subjects: []audit.Subject{{Type: "order", ID: "gid://shopify/Order/1001"}},
//		Decision: &audit.Decision{Verdict: "approve", Reason: "fits our tone"},
//	})
//
// [Log.Append] returns when the entry is durable. Where it cannot make it
// durable, it says so within a bounded time, and the caller must not do what it
// could not record. [Log.Trail] finds entries again, by subject, correlation,
// kind, actor and time.
//
// # What is proven, and against whom
//
// Entries are the leaves of an RFC 6962 Merkle tree
// (https://www.rfc-editor.org/rfc/rfc6962). Each write adds a batch of them and a
// checkpoint, the tree's head signed with Ed25519 as a C2SP note
// (https://c2sp.org/tlog-checkpoint), that covers all entries from the first
// on. [Verify] recomputes everything and names the first bad entry.
//
// Someone who can rewrite the store but has no key cannot change, reorder,
// insert or remove an entry unnoticed, except at the end: they can put the
// whole store back to an earlier state that the log once signed. A checkpoint
// that was kept elsewhere ([VerifyOptions].Remembered) detects that.
//
// Someone who also has the signing key can write another history. A checkpoint
// kept elsewhere detects this for the entries that it covers, since the tree
// cannot have the same head twice. So keep the key where the store is not
// (Options.Signer), and hand out checkpoints: mail them, print them, give them
// to the auditor. A store that made its own key next to the entries protects
// against accidents and careless hands, not against the owner of the disk.
//
// A [Receipt] proves a single entry to someone who has only the public key.
//
// # What is public, and what can be erased
//
// The leaf of an entry holds public facts for good: identifiers, digests,
// verdicts. Personal data, prompts and people's own words belong into sealed
// parts ([Part]): the leaf commits to their hash, and a [Vault] encrypts them
// under a key for each subject. With a vault, customers are named by pseudonyms.
// [Log.Erase] destroys a subject's keys, and every old proof still verifies;
// [Log.Export] answers a request for data.
//
//	keys, err := keystore.Open(ctx, "sqlite:audit-keys.db")
//	…
//	master, err := audit.OpenLocalKey("/etc/posai/master.key")
//	…
//	vault, err := audit.NewVault(keys, master, nil)
//	…
//	log, err := audit.Open(ctx, store, &audit.Options{Vault: vault})
//	…
//	_, err = log.Append(ctx, audit.Entry{
//		Kind:     audit.KindDecided,
//		Actor:    audit.Actor{Type: audit.Human, ID: "manager-7"},
//		Subjects: []audit.Subject{{Type: "customer", ID: "gid://shopify/Customer/5"}},
//		Sealed:   []audit.Part{{Name: "reason", Data: []byte("called and asked for a refund")}},
//	})
//
// # Errors and concurrency
//
// Errors match the package's sentinels with errors.Is; [*FieldError] and
// [*CorruptError] tell more. A [Log] is safe for concurrent use, and entries that
// are appended at the same time share one write to the medium. Use as many
// goroutines as there are things to record.
package audit
