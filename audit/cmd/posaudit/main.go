// Command posaudit proves, searches and serves an audit log: a directory of
// package audit/filestore, also while a program is writing it, a PostgreSQL
// database of package audit/sqlstore, or what package audit/tiles has published.
//
//	posaudit verify       LOG [-checkpoint FILE]... [-state FILE] [-entries] [-workers N]
//	posaudit checkpoint   LOG [-cosign POLICY]
//	posaudit key          LOG
//	posaudit prove        LOG ENTRY [-checkpoint FILE]
//	posaudit prove        LOG -dir DIR [SELECTION] [-checkpoint FILE]
//	posaudit prove-verify FILE... (-key KEY | -policy POLICY)
//	posaudit trail        LOG [SELECTION] [-format FORMAT] [-limit N] [-first N] [-newest]
//	posaudit export       LOG -subject TYPE=ID -keys URL -master FILE [-request ID] [-format FORMAT]
//	posaudit erase        LOG -subject TYPE=ID -keys URL -master FILE -request ID [-note TEXT]
//	posaudit stats        LOG
//	posaudit watch        LOG -state FILE [SELECTION] [-format FORMAT] [-interval TIME] [-once] [-cosign POLICY -publish FILE]
//
// LOG is a directory, a postgres:// URL (-log names one of several logs in the
// database), or the https:// URL of a published log, which needs -key. SELECTION is any of -subject TYPE=ID, -customer ID, -order ID, -correlation ID,
// -request-id ID, -trace ID, -kind KIND, -actor ID, -action KIND, -shop DOMAIN, -since TIME, -until TIME.
// TIME of a selection is RFC 3339. FORMAT is text, jsonl, ocsf, cloudevents or csv. All commands take
// -key KEY, and -json for one JSON document (trail, export and watch: JSON lines) on standard output.
//
// # What each does
//
// verify proves the whole log and names the first bad entry. Each -checkpoint is
// one that "posaudit checkpoint" printed earlier and that was kept elsewhere, and
// -state is the file of "posaudit watch": they detect that the log was put back or
// rewritten since. -entries reads each entry as well, -workers bounds the
// processors.
//
// checkpoint prints the signed checkpoint; -cosign first asks the witnesses of the
// policy (https://c2sp.org/tlog-policy) to cosign it.
//
// prove prints a receipt (a C2SP proof file, https://c2sp.org/tlog-proof) of the
// entry with that ID or index, or writes one for each selected entry into -dir.
// -checkpoint makes it prove against that checkpoint, such as a cosigned one.
// prove-verify checks receipts without the log.
//
// trail prints the selected entries, each checked against the log's checkpoint.
//
// export prints what the log holds about a person, sealed parts included, and
// records that; erase destroys the person's keys. Both append to the log: a
// directory must not be in use by another program then. -keys is the URL of the
// key store, -master the file of the master key. Without it the environment's
// POSAUDIT_MASTER_KEY is taken.
//
// stats counts entries by kind, actor and shop.
//
// watch remembers the last checkpoint in -state and looks for a new one at every
// interval: it prints the selected new entries, and ends with status 1 when the
// log was put back or shows another history. With -cosign it collects
// cosignatures and writes the cosigned checkpoint to -publish. -once looks once.
//
// KEY is the log's public key, as printed by "posaudit key", or the name of a
// file with it. Without it the key in the log's own place is taken, which proves
// nothing against someone who could exchange that too.
//
// # Exit status
//
//	0  all is well
//	1  the log or a receipt is not what was written or signed, or the witnesses that the policy asks for have not cosigned
//	2  the command line is wrong
//	3  something could not be read, found or reached, so that nothing is known
//	4  interrupted
//
// Long work shows its progress on standard error where that is a terminal, or
// with -progress.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/witness"
)

const usage = `usage:
  posaudit verify       LOG [-checkpoint FILE]... [-state FILE] [-entries] [-workers N]
  posaudit checkpoint   LOG [-cosign POLICY]
  posaudit key          LOG
  posaudit prove        LOG ENTRY [-checkpoint FILE]
  posaudit prove        LOG -dir DIR [SELECTION] [-checkpoint FILE]
  posaudit prove-verify FILE... (-key KEY | -policy POLICY)
  posaudit trail        LOG [SELECTION] [-format FORMAT] [-limit N] [-first N] [-newest]
  posaudit export       LOG -subject TYPE=ID -keys URL -master FILE [-request ID] [-format FORMAT]
  posaudit erase        LOG -subject TYPE=ID -keys URL -master FILE -request ID [-note TEXT]
  posaudit stats        LOG
  posaudit watch        LOG -state FILE [SELECTION] [-format FORMAT] [-interval TIME] [-once] [-cosign POLICY -publish FILE]
LOG        a directory, postgres://... with -log NAME, or https://... with -key
SELECTION  -subject TYPE=ID -customer ID -order ID -correlation ID -request-id ID -trace ID
           -kind KIND -actor ID -action KIND -shop DOMAIN -since TIME -until TIME
FORMAT     text, jsonl, ocsf, cloudevents or csv
all        -key KEY -json -progress
exit status: 0 all is well, 1 not what was written or signed, 2 usage, 3 cannot read, find or reach, 4 interrupted
`

// maxFile bounds the small files that are read whole, in bytes.
const maxFile = 1 << 20

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	status := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// usageError is a wrong command line.
type usageError struct{ error }

// run is the program without the process around it.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	err := command(ctx, args, stdout, stderr)
	if err == nil {
		return 0
	}
	fmt.Fprintln(stderr, "posaudit:", err)
	_, wrong := errors.AsType[usageError](err)
	switch {
	case wrong:
		fmt.Fprint(stderr, usage)
		return 2
	case unanswered(ctx, err):
		return 4
	case errors.Is(err, audit.ErrCorrupt) || errors.Is(err, audit.ErrCheckpoint) || errors.Is(err, witness.ErrQuorum):
		return 1
	case ctx.Err() != nil:
		return 4
	default:
		return 3
	}
}

// unanswered reports whether witnesses are missing only because of an interrupt, and
// none of them has raised an alarm.
func unanswered(ctx context.Context, err error) bool {
	return ctx.Err() != nil && errors.Is(err, witness.ErrQuorum) && errors.Is(err, context.Cause(ctx)) &&
		!errors.Is(err, witness.ErrInconsistent) && !errors.Is(err, witness.ErrAhead)
}

// cmd is one call of the program.
type cmd struct {
	flags
	args   []string
	stdout io.Writer
	stderr io.Writer
}

// commands are those that there are, with the flags that each takes.
var commands = map[string]struct {
	min, max int // number of arguments
	flags    string
	do       func(context.Context, *cmd) error
}{
	"verify":       {1, 1, "checkpoint state entries workers", verify},
	"checkpoint":   {1, 1, "cosign", checkpoint},
	"key":          {1, 1, "", key},
	"prove":        {1, 2, "checkpoint dir " + selection, prove},
	"prove-verify": {1, 1 << 20, "policy", proveVerify},
	"trail":        {1, 1, "format limit first newest " + sealing + selection, trail},
	"export":       {1, 1, "format subject customer request note " + sealing, exportData},
	"erase":        {1, 1, "subject customer request note " + sealing, eraseData},
	"stats":        {1, 1, "", stats},
	"watch":        {1, 1, "state interval once cosign publish format " + selection, watch},
}

func command(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		return usageError{errors.New("no command")}
	}
	c, ok := commands[args[0]]
	if !ok {
		return usageError{fmt.Errorf("no command %q", args[0])}
	}
	f, positional, err := parse(args, common+c.flags)
	if err != nil {
		return usageError{err}
	}
	if len(positional) < c.min || len(positional) > c.max {
		return usageError{fmt.Errorf("%s does not take %d arguments", args[0], len(positional))}
	}
	return c.do(ctx, &cmd{flags: *f, args: positional, stdout: stdout, stderr: stderr})
}

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

func printJSONLine(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
