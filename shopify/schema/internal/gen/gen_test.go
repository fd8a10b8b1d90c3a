package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const tiny = `{"data":{"__schema":{"queryType":{"name":"QueryRoot"},"directives":[],"types":[{"kind":"OBJECT","name":"QueryRoot","interfaces":[],"fields":[{"name":"a","args":[],"type":{"kind":"SCALAR","name":"String"},"requiredAccess":"%s"}]}]}}}`

func gz(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := io.WriteString(z, text)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return b.Bytes()
}

func tinyAPI(source string) api {
	return api{name: "Admin", file: "dist/data/a.json.gz", sdl: "a.graphql.gz", tables: "a_gen.go", source: &source}
}

func TestSources(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "a.json")
	require.NoError(t, os.WriteFile(plain, []byte(tiny), 0o600))
	packed := filepath.Join(dir, "a.json.gz")
	require.NoError(t, os.WriteFile(packed, gz(t, tiny), 0o600))
	folder := filepath.Join(dir, "package")
	require.NoError(t, os.MkdirAll(filepath.Join(folder, "dist", "data"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "dist", "data", "a.json.gz"), gz(t, tiny), 0o600))
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	body := gz(t, tiny)
	require.NoError(t, w.WriteHeader(&tar.Header{Name: "package/dist/data/a.json.gz", Size: int64(len(body)), Mode: 0o600}))
	_, err := w.Write(body)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	tarball := filepath.Join(dir, "a.tgz")
	require.NoError(t, os.WriteFile(tarball, gz(t, archive.String()), 0o600))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked, err := io.ReadAll(r.Body)
		if err == nil && bytes.Contains(asked, []byte("IntrospectionQuery")) {
			_, _ = io.WriteString(w, tiny)
		}
	}))
	defer server.Close()

	var want []byte
	for name, tt := range map[string]struct{ pkg, source string }{
		"file": {"", plain}, "packed file": {"", packed}, "folder": {folder, ""}, "tarball": {tarball, ""}, "endpoint": {"", server.URL},
	} {
		t.Run(name, func(t *testing.T) {
			out := t.TempDir()
			require.NoError(t, run(out, tt.pkg, []api{tinyAPI(tt.source)}))
			sdl, err := os.ReadFile(filepath.Join(out, "a.graphql.gz"))
			require.NoError(t, err)
			if want == nil {
				want = sdl
			}
			assert.Equal(t, want, sdl, "the same bytes from every source")
			code, err := os.ReadFile(filepath.Join(out, "a_gen.go"))
			require.NoError(t, err)
			assert.Contains(t, string(code), `{"QueryRoot.a", 0}`)
		})
	}
}

func TestSourcesThatFail(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.json")
	require.NoError(t, os.WriteFile(bad, []byte(`{"data":{"__schema":{"queryType":{"name":"Q"},"types":[{"kind":"OBJECT","name":"Q","fields":[{"name":"a","type":{"kind":"OBJECT","name":"Missing"}}]}]}}}`), 0o600))
	failing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, tiny)
	}))
	defer failing.Close()
	for name, tt := range map[string]struct{ pkg, source string }{
		"no file":               {"", filepath.Join(dir, "none")},
		"no package":            {filepath.Join(dir, "none"), ""},
		"folder without it":     {dir, ""},
		"not a tarball":         {bad, ""},
		"schema does not load":  {"", bad},
		"endpoint that fails":   {"", failing.URL},
		"endpoint that is away": {"", "http://127.0.0.1:1/"},
	} {
		t.Run(name, func(t *testing.T) {
			out := t.TempDir()
			assert.Error(t, run(out, tt.pkg, []api{tinyAPI(tt.source)}))
			files, err := os.ReadDir(out)
			require.NoError(t, err)
			assert.Empty(t, files, "nothing is written")
		})
	}
}

func TestUnchangedSDLStaysAsItIs(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.graphql.gz")
	// Written by another compressor.
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.NoCompression)
	require.NoError(t, err)
	_, err = io.WriteString(z, "type A { a: Int }")
	require.NoError(t, err)
	require.NoError(t, z.Close())
	require.NoError(t, os.WriteFile(file, b.Bytes(), 0o600))

	require.NoError(t, writeSDL(file, "type A { a: Int }"))
	got, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, b.Bytes(), got)

	require.NoError(t, writeSDL(file, "type B { b: Int }"))
	got, err = os.ReadFile(file)
	require.NoError(t, err)
	assert.NotEqual(t, b.Bytes(), got)
}
