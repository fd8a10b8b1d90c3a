package audit

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// A sealed part is
//
//	5 bytes   "part1"
//	32 bytes  salt
//	the rest  AES-256-GCM ciphertext of the content
//
// Its key is HKDF-SHA-256 of the keys of all subjects, in the order of
// [Part].Of, so that destroying any one of them destroys the part. The salt is an
// HMAC of the content under a key derived from the same keys: the same part of the
// same entry is always sealed to the same bytes, so that an entry that is
// appended again is recognized, and no key is used for two contents, which is why
// the nonce can be zero. The entry's ID and the part's name and pseudonyms are
// authenticated with it.
const (
	partMagic = "part1"
	saltSize  = sha256.Size
)

var errUnsealed = errors.New("audit: a sealed part does not open with its keys")

// partKey derives a key of the part from the keys of its subjects.
func partKey(keys [][]byte, salt []byte, use string) ([]byte, error) {
	return hkdf.Key(sha256.New, slices.Concat(keys...), salt, "posai/audit/part/1 "+use, 32)
}

// partContext is what is authenticated with a part.
func partContext(entry string, p *Part) []byte {
	var b []byte
	for _, s := range append([]string{entry, p.Name}, p.Of...) {
		b = binary.BigEndian.AppendUint32(b, uint32(len(s)))
		b = append(b, s...)
	}
	return b
}

func sealPart(keys [][]byte, entry string, p *Part) ([]byte, error) {
	context := partContext(entry, p)
	saltKey, err := partKey(keys, nil, "salt")
	if err != nil {
		return nil, fmt.Errorf("audit: seal: %w", err)
	}
	mac := hmac.New(sha256.New, saltKey)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(context))))
	mac.Write(context)
	mac.Write(p.Data)
	salt := mac.Sum(nil)
	key, err := partKey(keys, salt, "content")
	if err != nil {
		return nil, fmt.Errorf("audit: seal: %w", err)
	}
	aead, err := newAEAD(key)
	if err != nil {
		return nil, err
	}
	out := append([]byte(partMagic), salt...)
	return aead.Seal(out, make([]byte, aead.NonceSize()), p.Data, context), nil
}

func unsealPart(keys [][]byte, entry string, p *Part, sealed []byte) ([]byte, error) {
	if len(sealed) < len(partMagic)+saltSize || string(sealed[:len(partMagic)]) != partMagic {
		return nil, errUnsealed
	}
	salt, text := sealed[len(partMagic):][:saltSize], sealed[len(partMagic)+saltSize:]
	key, err := partKey(keys, salt, "content")
	if err != nil {
		return nil, fmt.Errorf("audit: unseal: %w", err)
	}
	aead, err := newAEAD(key)
	if err != nil {
		return nil, err
	}
	data, err := aead.Open(nil, make([]byte, aead.NonceSize()), text, partContext(entry, p))
	if err != nil {
		return nil, errUnsealed
	}
	if data == nil {
		data = []byte{}
	}
	return data, nil
}

// seal turns e, which has its ID, into what the log keeps: people become
// pseudonyms, parts are sealed. v may be nil.
func (v *Vault) seal(ctx context.Context, e *Entry) (sealed [][]byte, err error) {
	if v == nil {
		if len(e.Sealed) > 0 {
			return nil, &FieldError{Field: "sealed", Reason: "the log has no vault"}
		}
		return nil, nil
	}
	rows := map[Subject]Key{}
	row := func(s Subject) (Key, error) {
		r, ok := rows[s]
		if !ok {
			if r, err = v.ensure(ctx, s, e.Shop); err != nil {
				return Key{}, err
			}
			rows[s] = r
		}
		return r, nil
	}
	var people []Subject
	for i, s := range e.Subjects {
		if !v.personal[s.Type] || isPseudonym(s.ID) {
			continue
		}
		people = append(people, s)
		r, err := row(s)
		if err != nil {
			return nil, err
		}
		e.Subjects[i].ID = r.Pseudonym
	}
	for i := range e.Sealed {
		p := &e.Sealed[i]
		field := func(reason string) error {
			return &FieldError{Field: fmt.Sprintf("sealed[%d]", i), Reason: reason}
		}
		if p.Data == nil {
			return nil, field("nothing to seal")
		}
		subjects := p.Subjects
		if len(subjects) == 0 {
			subjects = people
		}
		if len(subjects) == 0 {
			return nil, field("about nobody")
		}
		if e.Shop != "" {
			subjects = append(slices.Clone(subjects), Subject{shopType, e.Shop})
		}
		p.Of = nil
		var keys [][]byte
		for _, s := range subjects {
			r, err := row(s)
			if err != nil {
				return nil, err
			}
			if slices.Contains(p.Of, r.Pseudonym) {
				continue
			}
			key, err := v.unwrap(ctx, r)
			if err != nil {
				return nil, err
			}
			p.Of, keys = append(p.Of, r.Pseudonym), append(keys, key)
		}
		part, err := sealPart(keys, e.ID, p)
		if err != nil {
			return nil, err
		}
		sealed = append(sealed, part)
	}
	return sealed, nil
}

// Seals reports whether the log has a vault, so that entries may have sealed
// parts.
func (l *Log) Seals() bool { return l.vault != nil }

// Unseal returns the record with the content of those sealed parts whose keys
// are still there; the others are marked as erased. Whoever shows it to somebody
// records that with an entry of [KindRead]: see [Log.Export].
func (l *Log) Unseal(ctx context.Context, r Record) (Record, error) {
	return l.unseal(ctx, r, func(Part) bool { return true })
}

func (l *Log) unseal(ctx context.Context, r Record, want func(Part) bool) (Record, error) {
	r.Entry = cloneEntry(r.Entry)
	if len(r.Entry.Sealed) == 0 {
		return r, nil
	}
	if l.vault == nil {
		return r, errors.New("audit: the log has no vault")
	}
	leaf, err := l.reader.Leaf(ctx, r.Index)
	if err != nil {
		return r, err
	}
	_, hashes, err := parseLeaf(leaf.Data)
	if err == nil {
		err = checkSealed(hashes, leaf.Sealed)
	}
	if err != nil || tlog.RecordHash(leaf.Data) != r.LeafHash || len(leaf.Sealed) != len(r.Entry.Sealed) {
		return r, &CorruptError{Index: r.Index, Reason: "not the sealed parts that were written"}
	}
	for i := range r.Entry.Sealed {
		p := &r.Entry.Sealed[i]
		if !want(*p) {
			continue
		}
		keys, err := l.vault.keysOf(ctx, p.Of)
		if errors.Is(err, ErrNotFound) {
			p.Erased = true
			continue
		}
		if err != nil {
			return r, err
		}
		if p.Data, err = unsealPart(keys, r.Entry.ID, p, leaf.Sealed[i]); err != nil {
			return r, err
		}
	}
	return r, nil
}

// keysOf returns the keys of all pseudonyms, or [ErrNotFound] where one is
// destroyed.
func (v *Vault) keysOf(ctx context.Context, pseudonyms []string) ([][]byte, error) {
	var keys [][]byte
	for _, name := range pseudonyms {
		row, err := v.keys.Get(ctx, name)
		if err != nil {
			return nil, err
		}
		key, err := v.unwrap(ctx, row)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}
