// Package operator has the commands that work beside the daemon: keys, tokens, the audit log, consents, recordings, and requests to a
// daemon that runs. Commands that need the store open it while the daemon is stopped, and ask the daemon while it runs.
package operator
