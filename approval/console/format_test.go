package console_test

import (
	"fmt"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestContrast computes WCAG contrast from the style sheet's own variables.
// https://www.w3.org/TR/WCAG22/#contrast-minimum
func TestContrast(t *testing.T) {
	css, err := os.ReadFile("assets/console.css")
	require.NoError(t, err)
	light, dark, ok := strings.Cut(string(css), "@media (prefers-color-scheme: dark)")
	require.True(t, ok)
	dark, _, _ = strings.Cut(dark, "*, *::before")

	text := [][2]string{ // text on ground
		{"ink", "bg"},
		{"ink", "surface"},
		{"ink", "sunken"},
		{"ink", "calm-bg"},
		{"muted", "bg"},
		{"muted", "surface"},
		{"muted", "sunken"},
		{"link", "bg"},
		{"link", "surface"},
		{"yes-ink", "yes"},
		{"yes-ink", "yes-hover"},
		{"no-ink", "no"},
		{"no-ink", "no-hover"},
		{"no", "surface"},
		{"no", "calm-bg"},
		{"wait-ink", "wait-bg"},
		{"good-ink", "good-bg"},
		{"bad-ink", "bad-bg"},
		{"calm-ink", "calm-bg"},
		{"bad-ink", "bg"},
		{"bad-ink", "surface"},
	}
	graphics := [][2]string{ // borders of controls and the focus ring
		{"line-strong", "surface"}, {"line-strong", "bg"}, {"focus", "bg"}, {"focus", "surface"}, {"wait-ink", "surface"},
	}
	for scheme, sheet := range map[string]string{"light": light, "dark": dark} {
		colors := make(map[string]string)
		for _, m := range regexp.MustCompile(`--([a-z-]+): (#[0-9a-f]{6});`).FindAllStringSubmatch(sheet, -1) {
			colors[m[1]] = m[2]
		}
		check := func(pairs [][2]string, least float64) {
			for _, p := range pairs {
				t.Run(fmt.Sprintf("%s/%s on %s", scheme, p[0], p[1]), func(t *testing.T) {
					require.Contains(t, colors, p[0])
					require.Contains(t, colors, p[1])
					assert.GreaterOrEqual(t, contrast(colors[p[0]], colors[p[1]]), least)
				})
			}
		}
		check(text, 4.5)
		check(graphics, 3)
	}
}

func contrast(a, b string) float64 {
	la, lb := luminance(a), luminance(b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

func luminance(hex string) float64 {
	var sum float64
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		v, _ := strconv.ParseUint(hex[1+2*i:3+2*i], 16, 8)
		c := float64(v) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}
