// Package ai talks to language models through one small interface.
package ai
