// Package interop holds the tests that tools of others accept what this module
// writes, and the other way round: transparency-dev's notes, Merkle proofs, proof
// files, witness and Tessera's client and fsck; the CloudEvents SDK; OCSF's
// published JSON Schema. It is a module of its own, so that none of them weighs on
// the users of this one.
package interop
