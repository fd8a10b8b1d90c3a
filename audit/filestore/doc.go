// Package filestore keeps an audit log in a directory of the local disk.
//
// Start with [Open], and hand the [Store] to [audit.Open]. To look at a log that
// a running program is writing, use [OpenReader] and [audit.OpenReader] or
// [audit.Verify]; the command audit/cmd/posaudit does.
//
//	entries.log, entries.N.log   segments: the newest batches, append-only
//	checkpoint                   the latest signed checkpoint, as text
//	tile/entries/…               archive: bundles of 256 entries
//	tile/0/…, tile/1/…           archive: tiles of hashes
//	sealed/…                     archive: the sealed parts of a bundle
//	checkpoints/N                archive: checkpoints that segments had at their end
//	archived                     how many entries the archive holds
//	index.db                     finds entries of the archive; can be deleted
//	key                          the private key, where the store made it
//	key.pub                      the public key to it
//	lock                         held by the one process that writes
//
// Files have mode 0600, the directory 0700. The layout of checkpoint and tile/ is
// that of https://c2sp.org/tlog-tiles, for what is archived.
//
// # Durability
//
// An append writes its batch with one write and one sync (fdatasync on Linux),
// then overwrites the file checkpoint in place. On Linux a segment has its space
// reserved while the store is open, so that a sync need not record that the file
// has grown: after a crash it ends in zeros, which are no part of the log. What was acknowledged is on the
// disk, checkpoint included, as the batch holds it too. When the process or the
// machine stops in the middle, what is left of the batch is cut off by the next
// Open, see [Reader.Torn]. Only the end of the newest segment can be such a rest:
// at most one batch, with none begun after it, and not covered by the file
// checkpoint. Any other damage is an [*audit.CorruptError], and nothing is cut
// off.
//
// After a failed write or sync the store takes no more batches until it is
// opened again. It never repeats a failed sync, because the system may then
// report success for data that it has dropped; opening writes the last batch
// anew before it relies on it.
//
// # The archive
//
// A segment that has grown to [Options].SegmentSize is closed and, in the
// background, moved into immutable files, which are durable before the segment is
// removed. So opening a store reads two or three segments, whatever the length of
// the log. Archiving neither delays nor fails an append, until a dozen segments
// wait for it, for instance since the disk is full.
//
// # What the file checkpoint is for
//
// Every batch is signed within its segment, so no entry can be altered. But a
// segment that is cut off between two batches looks like an earlier state of
// itself. The file checkpoint, kept apart, gives that away: it covers more than
// is there. It is synced when the store is closed, when its length changes and
// when a segment is archived; after a power failure it may therefore be some
// batches old, which is harmless except that a loss of just these last batches
// would go unnoticed. Whoever rewrites both files can go back to an earlier state
// unnoticed, unless a checkpoint was kept elsewhere. Package audit tells the rest.
package filestore
