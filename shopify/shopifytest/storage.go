package shopifytest

import (
	"bytes"
	"compress/gzip"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"
)

// storagePath is where the storage host is. Shopify's is another host, Google Cloud Storage, which knows
// nothing of access tokens: a request that carries one is refused here, so that a client that sends it is found out.
const storagePath = "/_storage/"

const (
	// maxUpload is how long a file of variables may be, in bytes.
	// https://shopify.dev/docs/api/usage/bulk-operations/imports
	maxUpload = 100 << 20

	// fileLife is how long results can be downloaded.
	fileLife = 7 * 24 * time.Hour

	// targetLife is how long a staged upload is waited for.
	targetLife = 24 * time.Hour
)

// storage keeps the results of bulk operations and what is uploaded for them.
// Safe for concurrent use.
type storage struct {
	now    func() time.Time
	base   func() string // URL of the shop
	secret []byte

	mu      sync.Mutex
	next    int
	files   map[string]*storedFile
	targets map[string]*stagedTarget
	uploads map[string][]byte
}

// storedFile is a file to download. What is not a fault does not change.
type storedFile struct {
	url     string
	body    []byte
	etag    string
	expires time.Time
	fault   BulkFault
	cuts    int
}

// stagedTarget is a place to upload a file to.
type stagedTarget struct {
	url, resourceURL string
	parameters       []Attribute
	method           string
	contentType      string
	expires          time.Time
}

func newStorage(now func() time.Time, secret string, base func() string) *storage {
	return &storage{
		now: now, base: base, secret: []byte(secret),
		files: map[string]*storedFile{}, targets: map[string]*stagedTarget{}, uploads: map[string][]byte{},
	}
}

func (s *storage) sign(parts ...string) string {
	mac := hmac.New(sha256.New, s.secret)
	for _, p := range parts {
		fmt.Fprintf(mac, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(mac.Sum(nil))
}

// store files the results of an operation.
func (s *storage) store(o *bulkOperation, body []byte) *storedFile {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := "bulk-" + strconv.FormatInt(o.id, 10) + ".jsonl"
	sum := sha256.Sum256(body)
	f := &storedFile{body: body, etag: `"` + hex.EncodeToString(sum[:8]) + `"`, expires: s.now().Add(fileLife), fault: o.fault, cuts: o.fault.Cuts}
	f.url = s.address("bulk/"+name, f.expires)
	if f.fault.ExpiredURL {
		f.expires = s.now().Add(-time.Second)
	}
	s.files[name] = f
	return f
}

// address is a signed URL, as long as those of Google Cloud Storage.
func (s *storage) address(name string, expires time.Time) string {
	q := url.Values{
		"GoogleAccessId": {"assets@shopifytest.example.com"}, "Expires": {strconv.FormatInt(expires.Unix(), 10)},
		"Signature":                    {s.sign(name, strconv.FormatInt(expires.Unix(), 10))},
		"response-content-disposition": {"attachment; filename*=UTF-8''" + path.Base(name)},
	}
	return s.base() + storagePath + name + "?" + q.Encode()
}

// stage makes a target for an upload.
func (s *storage) stage(filename, contentType, resource, method string) *stagedTarget {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	id := s.sign("target", strconv.Itoa(s.next))[:32]
	folder := "tmp/1/bulk/"
	if resource != "BULK_MUTATION_VARIABLES" {
		folder = "tmp/1/" + lower(resource) + "/"
	}
	now := s.now().UTC()
	t := &stagedTarget{method: method, contentType: contentType, expires: now.Add(targetLife)}
	key := folder + id + "/" + path.Base("/"+filename)
	if method == "PUT" {
		t.parameters = []Attribute{{"content_type", contentType}, {"acl", "private"}}
		t.url = s.address("put/"+key, t.expires)
		t.resourceURL = s.base() + storagePath + "put/" + key
	} else {
		policy := base64.StdEncoding.EncodeToString([]byte(`{"expiration":"` + t.expires.Format(time.RFC3339) + `"}`))
		t.parameters = []Attribute{
			{"key", key},
			{"Content-Type", contentType},
			{"success_action_status", "201"},
			{"acl", "private"},
			{"policy", policy},
			{"x-goog-credential", "assets@shopifytest.example.com/" + now.Format("20060102") + "/auto/storage/goog4_request"},
			{"x-goog-algorithm", "GOOG4-RSA-SHA256"},
			{"x-goog-date", now.Format("20060102T150405Z")},
			{"x-goog-signature", s.sign(key, policy)},
		}
		t.url = s.base() + storagePath + "post/"
		if resource != "BULK_MUTATION_VARIABLES" {
			t.resourceURL = t.url + key
		}
	}
	s.targets[key] = t
	return t
}

// uploaded returns what was uploaded under the key.
func (s *storage) uploaded(key string) ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.uploads[key]
	return b, ok
}

// ServeHTTP is the storage host.
func (s *storage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for name := range r.Header {
		if l := lower(name); l == "authorization" || l == "cookie" || strings.HasPrefix(l, "x-shopify-") {
			storageProblem(w, http.StatusBadRequest, "CredentialsNotAllowed", "This host is not Shopify's: the header "+name+" does not belong here.")
			return
		}
	}
	kind, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, storagePath), "/")
	switch {
	case kind == "bulk" && (r.Method == http.MethodGet || r.Method == http.MethodHead):
		s.get(w, r, name)
	case kind == "post" && name == "" && r.Method == http.MethodPost:
		s.post(w, r)
	case kind == "put" && r.Method == http.MethodPut:
		s.put(w, r, name)
	default:
		storageProblem(w, http.StatusNotFound, "NoSuchKey", "The specified key does not exist.")
	}
}

// signed checks the query of a signed URL.
func (s *storage) signed(w http.ResponseWriter, r *http.Request, name string) bool {
	q := r.URL.Query()
	expires, err := strconv.ParseInt(q.Get("Expires"), 10, 64)
	if err != nil || !hmac.Equal([]byte(q.Get("Signature")), []byte(s.sign(name, q.Get("Expires")))) {
		storageProblem(w, http.StatusForbidden, "SignatureDoesNotMatch", "Access denied.")
		return false
	}
	if s.now().Unix() > expires {
		storageProblem(w, http.StatusBadRequest, "ExpiredToken", "Invalid argument.")
		return false
	}
	return true
}

// get sends the results of an operation, whole or from a place on, with the
// faults that were injected.
func (s *storage) get(w http.ResponseWriter, r *http.Request, name string) {
	if !s.signed(w, r, "bulk/"+name) {
		return
	}
	s.mu.Lock()
	f := s.files[name]
	if f == nil {
		s.mu.Unlock()
		storageProblem(w, http.StatusNotFound, "NoSuchKey", "The specified key does not exist.")
		return
	}
	body, etag, fault, expired := f.body, f.etag, f.fault, s.now().After(f.expires)
	cut := fault.CutAfter > 0 && f.cuts != 0
	if cut && f.cuts > 0 {
		f.cuts--
	}
	if fault.Change && r.Header.Get("Range") != "" {
		etag = `"changed"`
	}
	s.mu.Unlock()
	if expired {
		storageProblem(w, http.StatusBadRequest, "ExpiredToken", "Invalid argument.")
		return
	}
	if fault.Status != 0 {
		storageProblem(w, fault.Status, "InternalError", "We encountered an internal error. Please try again.")
		return
	}
	if fault.Gzip && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		body = compressed(body)
		w.Header().Set("Content-Encoding", "gzip")
	}
	if fault.NoRanges {
		r = r.Clone(r.Context())
		r.Header.Del("Range")
	}
	w.Header().Set("ETag", etag)
	w.Header().Set("Content-Type", "application/jsonl")
	if cut {
		w = &cutWriter{ResponseWriter: w, left: fault.CutAfter}
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

func compressed(body []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, _ = z.Write(body) // a buffer takes everything
	_ = z.Close()
	return out.Bytes()
}

// cutWriter breaks the connection after some bytes of the body.
type cutWriter struct {
	http.ResponseWriter
	left int64
}

func (w *cutWriter) Write(b []byte) (int, error) {
	if int64(len(b)) < w.left {
		w.left -= int64(len(b))
		return w.ResponseWriter.Write(b)
	}
	_, _ = w.ResponseWriter.Write(b[:w.left])
	if f, ok := w.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
	panic(http.ErrAbortHandler)
}

// post takes a form, as https://docs.cloud.google.com/storage/docs/xml-api/post-object has it: every field that
// the policy names, with its value, then the file, which is last.
func (s *storage) post(w http.ResponseWriter, r *http.Request) {
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "multipart/form-data" {
		storageProblem(w, http.StatusPreconditionFailed, "PreconditionFailed", "Bucket POST must be of the enclosure-type multipart/form-data")
		return
	}
	if r.ContentLength < 0 {
		storageProblem(w, http.StatusLengthRequired, "MissingContentLength", "You must provide the Content-Length HTTP header.")
		return
	}
	form := multipart.NewReader(http.MaxBytesReader(w, r.Body, maxUpload+1<<20), params["boundary"])
	fields := map[string]string{}
	for {
		part, err := form.NextPart()
		if err != nil {
			storageProblem(w, http.StatusBadRequest, "InvalidArgument", "POST requires exactly one file upload per request.")
			return
		}
		if part.FormName() != "file" {
			value, err := io.ReadAll(io.LimitReader(part, 64<<10))
			if err != nil {
				storageProblem(w, http.StatusBadRequest, "MalformedPOSTRequest", "The body of your POST request is not well-formed multipart/form-data.")
				return
			}
			fields[part.FormName()] = string(value)
			continue
		}
		t := s.target(w, fields)
		if t == nil {
			return
		}
		body, err := io.ReadAll(part)
		if err != nil || len(body) > maxUpload {
			storageProblem(w, http.StatusBadRequest, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size.")
			return
		}
		if _, err := form.NextPart(); !errors.Is(err, io.EOF) {
			storageProblem(w, http.StatusBadRequest, "InvalidArgument", "The file must be the last field of the form.")
			return
		}
		s.keep(fields["key"], body)
		w.Header().Set("Content-Type", "application/xml; charset=UTF-8")
		w.WriteHeader(http.StatusCreated)
		_ = xml.NewEncoder(w).Encode(struct {
			XMLName  xml.Name `xml:"PostResponse"`
			Location string
			Bucket   string
			Key      string
			ETag     string
		}{Location: t.url + fields["key"], Bucket: "shopifytest", Key: fields["key"], ETag: `"0"`})
		return
	}
}

// target is the target that the fields before the file belong to; it answers
// what is wrong with them.
func (s *storage) target(w http.ResponseWriter, fields map[string]string) *stagedTarget {
	s.mu.Lock()
	t := s.targets[fields["key"]]
	s.mu.Unlock()
	switch {
	case t == nil || t.method == "PUT":
		storageProblem(w, http.StatusForbidden, "AccessDenied", "Access denied.")
		return nil
	case s.now().After(t.expires):
		storageProblem(w, http.StatusForbidden, "AccessDenied", "Policy expired.")
		return nil
	}
	for _, p := range t.parameters {
		if v, sent := fields[p.Key]; !sent || v != p.Value {
			code := "InvalidPolicyDocument"
			if p.Key == "x-goog-signature" {
				code = "SignatureDoesNotMatch"
			}
			storageProblem(w, http.StatusForbidden, code, "The form does not satisfy the policy's condition on "+p.Key+".")
			return nil
		}
	}
	if len(fields) != len(t.parameters) {
		storageProblem(w, http.StatusForbidden, "InvalidPolicyDocument", "The form has fields that the policy does not name.")
		return nil
	}
	return t
}

// put takes a file as the body.
func (s *storage) put(w http.ResponseWriter, r *http.Request, key string) {
	if !s.signed(w, r, "put/"+key) {
		return
	}
	s.mu.Lock()
	t := s.targets[key]
	s.mu.Unlock()
	if t == nil || r.Header.Get("Content-Type") != t.contentType {
		storageProblem(w, http.StatusForbidden, "SignatureDoesNotMatch", "The signed headers do not match.")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxUpload))
	if err != nil {
		storageProblem(w, http.StatusBadRequest, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size.")
		return
	}
	s.keep(key, body)
	w.WriteHeader(http.StatusOK)
}

func (s *storage) keep(key string, body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.uploads[key] = body
}

func storageProblem(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/xml; charset=UTF-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, "<?xml version='1.0' encoding='UTF-8'?>")
	_ = xml.NewEncoder(w).Encode(struct {
		XMLName xml.Name `xml:"Error"`
		Code    string
		Message string
	}{Code: code, Message: message})
}
