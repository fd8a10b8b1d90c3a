package main

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/posai-go/posai/examples/clienteling/internal/crm"
	"github.com/posai-go/posai/examples/clienteling/internal/crm/csvcrm"
	"github.com/posai-go/posai/examples/clienteling/internal/crm/salesforce"
	"github.com/posai-go/posai/examples/clienteling/internal/crm/salesforcetest"
)

// openSink opens the CRM that the configuration names, and returns what closes it. dir
// is the folder of one that is made of files.
func openSink(ctx context.Context, cfg *config, dir string, logger *slog.Logger) (crm.Sink, func() error, error) {
	if cfg.crm != "salesforce" {
		files, err := csvcrm.Open(ctx, dir, &csvcrm.Options{Failed: func(err error) {
			logger.Warn("the CRM's files could not be written", "error", err)
		}})
		if err != nil {
			return nil, nil, err
		}
		return files, files.Close, nil
	}
	closing := func() error { return nil }
	creds := salesforce.Credentials{URL: cfg.salesforceURL, ClientID: cfg.salesforceID, ClientSecret: cfg.salesforceSecret, Username: cfg.salesforceUser}
	switch {
	case cfg.salesforceURL == "":
		org, err := salesforcetest.Start(nil)
		if err != nil {
			return nil, nil, err
		}
		closing = func() error { org.Close(); return nil }
		creds = orgCredentials(org)
	case cfg.salesforceKey != "":
		var err error
		if creds.PrivateKey, err = readKey(cfg.salesforceKey); err != nil {
			return nil, nil, err
		}
	}
	sink, err := salesforce.New(creds, nil)
	if err == nil {
		err = sink.Check(ctx)
	}
	if errors.Is(err, crm.ErrUnavailable) || errors.Is(err, crm.ErrLimit) {
		logger.Warn("the CRM could not be looked at", "error", err)
		err = nil // it is tried again and again
	}
	if err != nil {
		return nil, nil, errors.Join(err, closing())
	}
	return sink, closing, nil
}

func orgCredentials(org *salesforcetest.Org) salesforce.Credentials {
	return salesforce.Credentials{URL: org.URL(), ClientID: salesforcetest.ClientID, ClientSecret: salesforcetest.ClientSecret}
}

// readKey reads an RSA key. Errors do not quote the file.
func readKey(name string) (*rsa.PrivateKey, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, 64<<10))
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s: not a PEM file", name)
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	if key, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
		if key, ok := key.(*rsa.PrivateKey); ok {
			return key, nil
		}
	}
	return nil, fmt.Errorf("%s: not an RSA key", name)
}

// crmDir is the folder of a CRM that is made of files.
func (s *service) crmDir() string {
	if _, folder, _ := strings.Cut(s.cfg.crm, ":"); folder != "" {
		return folder
	}
	return filepath.Join(s.Dir, "crm")
}
