package witness_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
	"github.com/posai-go/posai/audit/witness"
)

// The example of https://c2sp.org/tlog-cosignature, whose keys are not known,
// shows where the time is.
func TestTimeOfTheSpecification(t *testing.T) {
	at, err := witness.Time(note.Signature{Base64: "jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA=="})
	require.NoError(t, err)
	assert.EqualValues(t, 1679315147, at.Unix())
	for _, bad := range []string{"", "AAAA", "!", base64.StdEncoding.EncodeToString([]byte("1234\xff\xff\xff\xff\xff\xff\xff\xff"))} {
		_, err := witness.Time(note.Signature{Base64: bad})
		require.Error(t, err, bad)
	}
}

func TestNewVerifier(t *testing.T) {
	_, known := audittest.NewKey(t)
	w := audittest.NewWitness(t, "witness.example.com", known)
	for _, good := range []string{w.Ed25519Key(), w.MLDSAKey()} {
		v, err := witness.NewVerifier(good)
		require.NoError(t, err)
		assert.Equal(t, "witness.example.com", v.Name())
		assert.Equal(t, good, v.String())
		assert.False(t, v.Verify([]byte("x\n0\ny\n"), make([]byte, 72)))
		assert.False(t, v.Verify([]byte("x\n0\ny\n"), nil))
	}
	ed := w.Ed25519Key()
	name, rest, _ := strings.Cut(ed, "+")
	id, _, _ := strings.Cut(rest, "+")
	skey, vkey, err := note.GenerateKey(nil, "log.example.com")
	require.NoError(t, err)
	for what, bad := range map[string]string{
		"nothing":              "",
		"one word":             "witness.example.com",
		"a log's key":          vkey,
		"a private key":        skey,
		"another name":         strings.Replace(ed, "example", "sample", 1),
		"an empty name":        "+" + rest,
		"a space in the name":  "a b+" + rest,
		"a short key":          ed[:len(ed)-4],
		"no key":               name + "+" + id + "+",
		"another ID":           strings.Replace(ed, "+", "+0", 1),
		"immense":              ed + strings.Repeat("A", 1<<20),
		"a cut ML-DSA key":     w.MLDSAKey()[:200],
		"a broken ML-DSA name": strings.ToUpper(w.MLDSAKey()[:3]) + w.MLDSAKey()[3:],
	} {
		_, err := witness.NewVerifier(bad)
		require.ErrorIs(t, err, witness.ErrKey, what)
	}
}

// many returns n witnesses, and a checkpoint that all have cosigned.
func many(t *testing.T, n int) (key note.Verifier, vkey string, witnesses []*audittest.Witness, checkpoint string, lines []string) {
	skey, vkey, err := note.GenerateKey(nil, "example.com/log")
	require.NoError(t, err)
	signer, err := note.NewSigner(skey)
	require.NoError(t, err)
	key, err = note.NewVerifier(vkey)
	require.NoError(t, err)
	checkpoint = string(audittest.Batches(t, signer, 3)[0].Checkpoint)
	for i := range n {
		w := audittest.NewWitness(t, fmt.Sprintf("witness.example.com/%d", i), note.VerifierList(key))
		c, err := witness.NewClient(serve(t, w, "w", w.Ed25519Key()), new(http.Client))
		require.NoError(t, err)
		sig, err := c.AddCheckpoint(t.Context(), 0, nil, []byte(checkpoint))
		require.NoError(t, err)
		witnesses = append(witnesses, w)
		lines = append(lines, fmt.Sprintf("— %s %s\n", sig.Name, sig.Base64))
	}
	return key, vkey, witnesses, checkpoint, lines
}

func TestPolicy(t *testing.T) {
	_, vkey, ws, checkpoint, lines := many(t, 6)
	text := []byte("# who watches\n\n \tlog " + vkey + " https://log.example.com/pos/\n")
	for i, w := range ws {
		text = fmt.Appendf(text, "witness W%d %s https://w%d.example.com/\n", i, w.Ed25519Key(), i)
	}
	text = append(text, "group X 2 W0 W1 W2\ngroup Y any W3 W4 W5\ngroup both all X Y\nquorum both\n"...)
	policy, err := witness.ParsePolicy(text)
	require.NoError(t, err)
	require.Len(t, policy.Witnesses, 6)
	assert.Equal(t, "https://w3.example.com", policy.Witnesses[3].URL)
	assert.Equal(t, "https://log.example.com/pos", policy.Logs[0].URL)

	for have := range 1 << 6 { // every set of cosignatures
		msg, x, y := []byte(checkpoint), 0, 0
		for i := range 6 {
			if have&(1<<i) == 0 {
				continue
			}
			msg = append(msg, lines[i]...)
			if i < 3 {
				x++
			} else {
				y++
			}
		}
		c, seen, err := policy.Check(msg)
		assert.EqualValues(t, 3, c.Size)
		assert.Len(t, seen, x+y)
		if x >= 2 && y >= 1 {
			require.NoError(t, err, "%b", have)
		} else {
			require.ErrorIs(t, err, witness.ErrQuorum, "%b", have)
		}
	}

	// Nothing but good signatures counts, and bad ones of one do no harm to others.
	spoiled := strings.Replace(lines[1], "A", "B", 1)
	require.NotEqual(t, lines[1], spoiled)
	_, seen, err := policy.Check([]byte(checkpoint + lines[0] + spoiled + lines[3]))
	require.ErrorIs(t, err, witness.ErrQuorum)
	assert.Len(t, seen, 2)
	_, seen, err = policy.Check([]byte(checkpoint + lines[0] + lines[0] + lines[3]))
	require.ErrorIs(t, err, witness.ErrQuorum, "twice the same is one")
	assert.Len(t, seen, 2)

	signature := strings.SplitAfter(checkpoint, "\n\n")
	_, _, err = policy.Check([]byte(signature[0] + lines[0] + lines[1] + lines[3]))
	require.ErrorIs(t, err, audit.ErrCheckpoint, "the log must have signed")

	none, err := witness.ParsePolicy([]byte("log " + vkey + "\nquorum none\n"))
	require.NoError(t, err)
	_, _, err = none.Check([]byte(checkpoint))
	require.NoError(t, err)
	_, _, err = new(witness.Policy).Check([]byte(checkpoint))
	require.ErrorIs(t, err, audit.ErrCheckpoint)
	_, _, err = (&witness.Policy{Logs: policy.Logs}).Check([]byte(checkpoint))
	require.ErrorIs(t, err, witness.ErrQuorum, "a policy without a rule believes nothing")
}

func TestNewPolicy(t *testing.T) {
	key, _, ws, checkpoint, lines := many(t, 3)
	var members []witness.Witness
	for i, w := range ws {
		v, err := witness.NewVerifier(w.Ed25519Key())
		require.NoError(t, err)
		members = append(members, witness.Witness{Name: strconv.Itoa(i), Verifier: v})
	}
	policy, err := witness.NewPolicy(key, 2, members...)
	require.NoError(t, err)
	_, _, err = policy.Check([]byte(checkpoint + lines[2]))
	require.ErrorIs(t, err, witness.ErrQuorum)
	_, _, err = policy.Check([]byte(checkpoint + lines[2] + lines[0]))
	require.NoError(t, err)
	_, err = note.Open([]byte(checkpoint+lines[2]), policy.Verifiers())
	require.NoError(t, err)
	for _, bad := range [][]witness.Witness{
		nil, {members[0]}, {members[0], members[0]}, {members[0], {Name: "x"}}, {members[0], {Verifier: members[1].Verifier}},
	} {
		_, err := witness.NewPolicy(key, 2, bad...)
		require.ErrorIs(t, err, witness.ErrPolicy)
	}
	_, err = witness.NewPolicy(key, -1)
	require.ErrorIs(t, err, witness.ErrPolicy)
	_, err = witness.NewCosigner(policy, nil)
	require.Error(t, err, "these have no URL")
}

func TestBadPolicies(t *testing.T) {
	_, vkey, ws, _, _ := many(t, 2)
	a, b := "witness A "+ws[0].Ed25519Key()+"\n", "witness B "+ws[1].MLDSAKey()+"\n"
	good := "log " + vkey + "\n" + a + b
	_, err := witness.ParsePolicy([]byte(good + "group G 1 A B\nquorum G\n"))
	require.NoError(t, err)
	for name, bad := range map[string]string{
		"nothing":                   "",
		"no quorum":                 good,
		"two quorums":               good + "quorum A\nquorum B\n",
		"an undefined quorum":       good + "quorum C\n",
		"an undefined member":       good + "group G all A C\nquorum G\n",
		"a member below":            "group G all A\n" + good + "quorum G\n",
		"a member of two groups":    good + "group G any A\ngroup H any A\nquorum H\n",
		"a member twice":            good + "group G 2 A A\nquorum G\n",
		"a group of itself":         good + "group G any G\nquorum G\n",
		"a threshold of zero":       good + "group G 0 A B\nquorum G\n",
		"a threshold too high":      good + "group G 3 A B\nquorum G\n",
		"a threshold with a sign":   good + "group G +1 A B\nquorum G\n",
		"an empty group":            good + "group G all\nquorum G\n",
		"a group called none":       good + "group none all A\nquorum none\n",
		"two witnesses of one name": good + strings.Replace(b, " B ", " A ", 1) + "quorum A\n",
		"two witnesses of one key":  good + strings.Replace(a, " A ", " C ", 1) + "quorum A\n",
		"two logs of one key":       good + "log " + vkey + "\nquorum A\n",
		"a log's key for a witness": "witness A " + vkey + "\nquorum A\n",
		"a witness's key for a log": "log " + ws[0].Ed25519Key() + "\nquorum none\n",
		"a strange line":            good + "mirror A\nquorum A\n",
		"too many words":            good + "quorum A B\n",
		"a carriage return":         good + "quorum A\r\n",
		"a URL without host":        strings.Replace(good, "\n", " https:///x\n", 1) + "quorum A\n",
		"a URL of a file":           strings.Replace(good, "\n", " file:///etc/passwd\n", 1) + "quorum A\n",
		"immense":                   strings.Repeat("#\n", 1<<20) + good + "quorum A\n",
		"too many members":          strings.Repeat("log "+vkey+"\n", 2000),
	} {
		_, err := witness.ParsePolicy([]byte(bad))
		require.ErrorIs(t, err, witness.ErrPolicy, name)
		assert.NotContains(t, err.Error(), "+", "a key is not repeated")
	}
}

func FuzzParsePolicy(f *testing.F) {
	_, known := audittest.NewKey(f)
	w := audittest.NewWitness(f, "witness.example.com", known)
	f.Add([]byte("witness A " + w.Ed25519Key() + " https://w.example.com\ngroup G 1 A\nquorum G\n"))
	f.Add([]byte("quorum none"))
	f.Add([]byte("log a+1+b\ngroup G all a\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := witness.ParsePolicy(text)
		if err != nil {
			require.ErrorIs(t, err, witness.ErrPolicy)
			return
		}
		_, _, err = p.Check([]byte("example.com/log\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n— x AAAAAAAA\n"))
		require.Error(t, err)
	})
}

func FuzzVerifier(f *testing.F) {
	_, known := audittest.NewKey(f)
	w := audittest.NewWitness(f, "witness.example.com", known)
	f.Add(w.Ed25519Key(), []byte("a\n0\nb\n"), make([]byte, 72))
	f.Add(w.MLDSAKey(), []byte("example.com/log\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"), make([]byte, 2428))
	f.Fuzz(func(t *testing.T, vkey string, text, sig []byte) {
		v, err := witness.NewVerifier(vkey)
		if err != nil {
			require.ErrorIs(t, err, witness.ErrKey)
			return
		}
		require.False(t, v.Verify(text, sig))
	})
}
