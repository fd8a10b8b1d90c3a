package tiles

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/internal/merkle"
)

// Handler serves the log that r reads: "/checkpoint", "/tile/<level>/<number>"
// and "/tile/entries/<number>", with ".p/<width>" behind them where they are not
// full. It is safe for concurrent use, as r is.
func Handler(r audit.Reader) http.Handler { return &handler{r} }

type handler struct{ log audit.Reader }

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	var body []byte
	var err error
	path := strings.TrimPrefix(r.URL.Path, "/")
	if path == checkpointPath {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-cache")
		if body, err = h.log.Checkpoint(r.Context()); body == nil && err == nil {
			err = audit.ErrNotFound
		}
	} else {
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Cache-Control", "private, max-age=31536000, immutable")
		body, err = h.tile(r, path)
	}
	if err != nil {
		w.Header().Del("Cache-Control")
		status := http.StatusInternalServerError
		if errors.Is(err, audit.ErrNotFound) {
			status = http.StatusNotFound
		}
		http.Error(w, http.StatusText(status), status) // the error may name files
		return
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body)
}

// tile returns the tile or bundle at the path.
func (h *handler) tile(r *http.Request, path string) ([]byte, error) {
	level, number, width, err := merkle.ParseTilePath(path)
	if err != nil {
		return nil, audit.ErrNotFound
	}
	msg, err := h.log.Checkpoint(r.Context())
	if err != nil || msg == nil {
		return nil, errors.Join(err, audit.ErrNotFound)
	}
	c, err := audit.UnverifiedCheckpoint(msg)
	if err != nil {
		return nil, err
	}
	first := number * merkle.TileWidth
	if first+int64(width) > c.Size>>(merkle.TileHeight*max(level, 0)) {
		return nil, audit.ErrNotFound
	}
	if level < 0 {
		var body []byte
		for i := range int64(width) {
			leaf, err := h.log.Leaf(r.Context(), first+i)
			if err != nil {
				return nil, err
			}
			body = merkle.AppendBundled(body, leaf.Data)
		}
		return body, nil
	}
	indexes := make([]int64, width)
	for i := range indexes {
		indexes[i] = tlog.StoredHashIndex(merkle.TileHeight*level, first+int64(i))
	}
	hashes, err := h.log.Hashes(r.Context(), indexes)
	if err != nil {
		return nil, err
	}
	return merkle.AppendHashes(nil, hashes), nil
}
