//go:build !unix

package testpg

import "errors"

type cluster struct{}

func newCluster(...string) (*cluster, error) {
	return nil, errors.New("a server is started on Unix only")
}

func (*cluster) url() string   { return "" }
func (*cluster) run() error    { return errors.ErrUnsupported }
func (*cluster) stop() error   { return errors.ErrUnsupported }
func (*cluster) remove() error { return errors.ErrUnsupported }

func start() (running, error) {
	return running{}, errors.New("POSAI_TEST_POSTGRES is not set, and a throw-away server is started on Unix only")
}
