package tiles

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/internal/merkle"
)

const (
	checkpointPath = "checkpoint"
	maxResource    = merkle.TileWidth * (merkle.MaxBundledEntry + 2)
)

// Fetch returns the resource at a path below the log's prefix, or an error that
// matches [audit.ErrNotFound]. What it returns is not trusted.
type Fetch func(ctx context.Context, path string) ([]byte, error)

// HTTP fetches from the log's URL prefix. If client is nil, one with a time-out
// of 30 s is used.
func HTTP(prefix string, client *http.Client) Fetch {
	if client == nil {
		client = &http.Client{Timeout: 30 * time.Second}
	}
	prefix = strings.TrimRight(prefix, "/") + "/"
	return func(ctx context.Context, path string) ([]byte, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, prefix+path, nil)
		if err != nil {
			return nil, fmt.Errorf("tiles: %w", err)
		}
		resp, err := client.Do(req)
		if err != nil {
			return nil, fmt.Errorf("tiles: %w", err)
		}
		defer resp.Body.Close()
		switch resp.StatusCode {
		case http.StatusOK:
			return bounded(resp.Body)
		case http.StatusNotFound, http.StatusGone:
			return nil, fmt.Errorf("%w: %s", audit.ErrNotFound, path)
		}
		return nil, fmt.Errorf("tiles: %s: status %d", path, resp.StatusCode)
	}
}

// Dir fetches from a directory.
func Dir(dir string) Fetch {
	return func(ctx context.Context, path string) ([]byte, error) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		f, err := os.Open(filepath.Join(dir, filepath.FromSlash(path)))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%w: %s", audit.ErrNotFound, path)
		}
		if err != nil {
			return nil, fmt.Errorf("tiles: %w", err)
		}
		defer f.Close()
		return bounded(f)
	}
}

func bounded(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxResource+1))
	if err != nil {
		return nil, fmt.Errorf("tiles: %w", err)
	}
	if len(b) > maxResource {
		return nil, fmt.Errorf("tiles: a resource of more than %d bytes", maxResource)
	}
	return b, nil
}
