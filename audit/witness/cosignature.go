package witness

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"filippo.io/mldsa"
	"golang.org/x/mod/sumdb/note"

	"github.com/posai-go/posai/audit"
)

// The signature types of https://c2sp.org/tlog-cosignature.
const (
	algEd25519 = 0x04
	algMLDSA44 = 0x06
)

const (
	timeSize   = 8
	maxName    = 255 // what the message of an ML-DSA-44 cosignature has room for
	maxVKey    = 4096
	idSize     = 4 // of the key ID in front of a signature
	labelMLDSA = "subtree/v1\n\x00"
)

// ErrKey means that a verifier key is malformed or of a type that no witness
// uses.
var ErrKey = errors.New("witness: bad verifier key")

// Verifier checks the cosignatures of one witness. It is a [note.Verifier], so
// that [note.Open] and [audit.ParseCheckpoint] take it, and is safe for
// concurrent use.
type Verifier struct {
	name   string
	hash   uint32
	vkey   string
	key    string // algorithm and public key, without the name
	verify func(text []byte, at uint64, sig []byte) bool
}

// NewVerifier returns the verifier for a verifier key (vkey) of type 0x04
// (Ed25519) or 0x06 (ML-DSA-44), as https://c2sp.org/tlog-cosignature defines
// them. An error matches [ErrKey].
func NewVerifier(vkey string) (*Verifier, error) {
	if len(vkey) > maxVKey {
		return nil, fmt.Errorf("%w: larger than %d bytes", ErrKey, maxVKey)
	}
	name, rest, _ := strings.Cut(vkey, "+")
	hash16, key64, _ := strings.Cut(rest, "+")
	hash, err := strconv.ParseUint(hash16, 16, 32)
	if err != nil || len(hash16) != 8 || !validName(name) {
		return nil, fmt.Errorf("%w: malformed", ErrKey)
	}
	key, err := base64.StdEncoding.DecodeString(key64)
	if err != nil || len(key) == 0 {
		return nil, fmt.Errorf("%w: malformed", ErrKey)
	}
	v := &Verifier{name: name, hash: keyID(name, key), vkey: vkey, key: string(key)}
	if v.hash != uint32(hash) {
		return nil, fmt.Errorf("%w: the key ID is not that of name and key", ErrKey)
	}
	switch alg, public := key[0], key[1:]; {
	case alg == algEd25519 && len(public) == ed25519.PublicKeySize:
		v.verify = func(text []byte, at uint64, sig []byte) bool {
			return ed25519.Verify(public, messageEd25519(text, at), sig)
		}
	case alg == algMLDSA44:
		parsed, err := mldsa.NewPublicKey(mldsa.MLDSA44(), public)
		if err != nil {
			return nil, fmt.Errorf("%w: not an ML-DSA-44 public key", ErrKey)
		}
		v.verify = func(text []byte, at uint64, sig []byte) bool {
			msg, err := messageMLDSA(name, text, at)
			return err == nil && mldsa.Verify(parsed, msg, sig, nil) == nil
		}
	default:
		return nil, fmt.Errorf("%w: neither Ed25519 (0x04) nor ML-DSA-44 (0x06) of a witness", ErrKey)
	}
	return v, nil
}

// Name returns the name of the witness.
func (v *Verifier) Name() string { return v.name }

// KeyHash returns the key ID.
func (v *Verifier) KeyHash() uint32 { return v.hash }

// String returns the verifier key.
func (v *Verifier) String() string { return v.vkey }

// Verify reports whether sig, without the key ID in front, is a cosignature on
// the text of a checkpoint.
func (v *Verifier) Verify(text, sig []byte) bool {
	if len(sig) < timeSize {
		return false
	}
	at := binary.BigEndian.Uint64(sig)
	return at <= math.MaxInt64 && v.verify(text, at, sig[timeSize:])
}

// Time returns when a cosignature was made. Whoever made it vouches for it, so
// look only at signatures that were verified.
func Time(sig note.Signature) (time.Time, error) {
	raw, err := base64.StdEncoding.DecodeString(sig.Base64)
	if err != nil || len(raw) < idSize+timeSize {
		return time.Time{}, errors.New("witness: malformed cosignature")
	}
	at := binary.BigEndian.Uint64(raw[idSize:])
	if at > math.MaxInt64 {
		return time.Time{}, errors.New("witness: malformed cosignature")
	}
	return time.Unix(int64(at), 0).UTC(), nil
}

func keyID(name string, key []byte) uint32 {
	h := sha256.New()
	h.Write([]byte(name + "\n"))
	h.Write(key)
	return binary.BigEndian.Uint32(h.Sum(nil))
}

// validName is the rule of https://c2sp.org/signed-note for key names.
func validName(name string) bool {
	return name != "" && len(name) <= maxName && utf8.ValidString(name) &&
		!strings.ContainsFunc(name, unicode.IsSpace) && !strings.Contains(name, "+")
}

// messageEd25519 is what an Ed25519 cosignature signs.
func messageEd25519(text []byte, at uint64) []byte {
	return append(fmt.Appendf(nil, "cosignature/v1\ntime %d\n", at), text...)
}

// messageMLDSA is what an ML-DSA-44 cosignature on a checkpoint signs: the
// subtree of all entries.
func messageMLDSA(name string, text []byte, at uint64) ([]byte, error) {
	c, err := audit.UnverifiedCheckpoint(append(bytes.Clone(text), '\n'))
	if err != nil {
		return nil, err
	}
	if len(c.Origin) > maxName {
		return nil, errors.New("witness: the origin is too long")
	}
	b := []byte(labelMLDSA)
	b = append(append(b, byte(len(name))), name...)
	b = binary.BigEndian.AppendUint64(b, at)
	b = append(append(b, byte(len(c.Origin))), c.Origin...)
	b = binary.BigEndian.AppendUint64(b, 0)
	b = binary.BigEndian.AppendUint64(b, uint64(c.Size))
	return append(b, c.Root[:]...), nil
}
