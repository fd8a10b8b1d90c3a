package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/posai-go/posai/shopify/schema/internal/introspect"
)

// The npm package that carries the introspection of every API version, and the
// checksum that the registry states for it ("integrity").
const (
	npmPackage   = "@shopify/dev-mcp@1.16.0"
	npmIntegrity = "sha512-tqgRnK7sQhjew+htxtleTH23nXB5fZcsrhWgEkomsorGXvLOB2mh2upwZm8uzuTDNTZnqtLMe64yIwh6s2awtw=="
)

// maxDocument bounds one introspection result, in bytes. Admin 2026-10 has
// about 9 MB.
const maxDocument = 64 << 20

// source opens introspection results. It fetches the npm package when first
// needed.
type source struct {
	pkg string // folder or .tgz; empty: fetch
	tmp string
}

func (s *source) close() {
	if s.tmp != "" {
		_ = os.RemoveAll(s.tmp)
	}
}

func (s *source) open(a api) (io.ReadCloser, error) {
	from := *a.source
	switch {
	case strings.HasPrefix(from, "https://"), strings.HasPrefix(from, "http://"):
		return openURL(from)
	case from != "":
		return openFile(from)
	}
	if s.pkg == "" {
		if err := s.fetch(); err != nil {
			return nil, err
		}
	}
	if info, err := os.Stat(s.pkg); err != nil {
		return nil, err
	} else if info.IsDir() {
		return openFile(filepath.Join(s.pkg, filepath.FromSlash(a.file)))
	}
	return openTarball(s.pkg, path.Join("package", a.file))
}

// fetch has npm download the pinned package and checks what came.
func (s *source) fetch() error {
	tmp, err := os.MkdirTemp("", "schema-gen-*")
	if err != nil {
		return err
	}
	s.tmp = tmp
	cmd := exec.Command("npm", "pack", "--silent", "--pack-destination", tmp, npmPackage)
	cmd.Stderr = os.Stderr
	name, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("npm pack %s: %w", npmPackage, err)
	}
	file := filepath.Join(tmp, filepath.Base(strings.TrimSpace(string(name))))
	body, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	sum := sha512.Sum512(body)
	if got := "sha512-" + base64.StdEncoding.EncodeToString(sum[:]); got != npmIntegrity {
		return fmt.Errorf("%s has checksum %s, want %s", npmPackage, got, npmIntegrity)
	}
	s.pkg = file
	return nil
}

func openTarball(file, member string) (io.ReadCloser, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	for t := tar.NewReader(z); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%s holds no %s", file, member)
		}
		if err != nil {
			return nil, err
		}
		if h.Name == member {
			return gunzip(t)
		}
	}
}

func openFile(file string) (io.ReadCloser, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	if !strings.HasSuffix(file, ".gz") {
		return f, nil
	}
	defer func() { _ = f.Close() }()
	return gunzip(f)
}

func gunzip(r io.Reader) (io.ReadCloser, error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(z, maxDocument))
	if err != nil {
		return nil, err
	}
	return io.NopCloser(bytes.NewReader(body)), nil
}

// openURL asks a live endpoint for its schema.
func openURL(url string) (io.ReadCloser, error) {
	body, err := json.Marshal(map[string]string{"query": introspect.Query})
	if err != nil {
		return nil, err
	}
	client := &http.Client{Timeout: time.Minute}
	resp, err := client.Post(url, "application/json", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		_ = resp.Body.Close()
		return nil, fmt.Errorf("%s answered %s", url, resp.Status)
	}
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, maxDocument), resp.Body}, nil
}
