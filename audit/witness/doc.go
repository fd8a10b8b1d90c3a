// Package witness asks witnesses to cosign a log's checkpoints, and checks what
// they have cosigned.
//
// A witness (https://c2sp.org/tlog-witness) is a server of somebody else that
// remembers the latest checkpoint of a log and signs the next one only where it
// continues that. Whoever asks for the cosignatures of a few witnesses
// ([Policy]) need not trust the owner of the log: a log that was put back,
// rewritten, or shown differently to different people gets none.
//
//	policy, err := witness.ParsePolicy(file)
//	if err != nil {
//		return err
//	}
//	cosigner, err := witness.NewCosigner(policy, nil)
//	if err != nil {
//		return err
//	}
//	cosigned, err := cosigner.Cosign(ctx, log)
//	if err != nil {
//		return err
//	}
//	receipt, err := log.ReceiptFor(ctx, index, cosigned.Note)
//
// [Cosigner.Run] does so at intervals. Cosigning is never on the way of
// [audit.Log.Append]: a witness that is slow or away delays nothing but the next
// cosigned checkpoint.
//
// Years later [Policy.Check] says offline whether the checkpoint in a receipt
// has what the policy asks for.
//
// Both types of cosignatures are understood, Ed25519 and ML-DSA-44
// (https://c2sp.org/tlog-cosignature).
//
// Errors match the package's sentinels with errors.Is. All types are safe for
// concurrent use.
package witness
