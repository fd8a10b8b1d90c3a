// Package approval stands between what an AI proposes and what happens.
package approval
