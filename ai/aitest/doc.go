// Package aitest helps to test programs that use models.
package aitest
