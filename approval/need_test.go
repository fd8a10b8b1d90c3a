package approval_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/approvaltest"
)

func TestNeed(t *testing.T) {
	both := approvaltest.Person("both", "peer", "manager")
	peer, boss := approvaltest.Person("peer", "peer"), approvaltest.Person("boss", "manager")
	type people = []approval.Principal
	for name, test := range map[string]struct {
		need  approval.Need
		words string
		met   []people
		unmet []people
	}{
		"role": {
			approval.Role("manager"), "1 of role manager",
			[]people{{boss}, {both}, {peer, boss}},
			[]people{nil, {peer}},
		},
		"person": {approval.Person("boss"), "person boss", []people{{boss}}, []people{{peer, both}}},
		"quorum": {
			approval.Quorum(2, approval.Role("manager")), "2 of role manager",
			[]people{{boss, both}},
			[]people{{boss}, {boss, boss}, {boss, peer}},
		},
		"all, by different people": {
			approval.All(approval.Quorum(1, approval.Role("peer")), approval.Quorum(1, approval.Role("manager"))),
			"1 of role peer and 1 of role manager",
			[]people{{peer, boss}, {both, peer}, {boss, both}},
			[]people{{both}, {both, both}, {peer}, {boss}},
		},
		"any": {
			approval.Any(approval.Role("manager"), approval.Quorum(2, approval.Role("peer"))),
			"1 of role manager or 2 of role peer",
			[]people{{boss}, {peer, both}},
			[]people{{peer}},
		},
		"quorum of any": {
			approval.Quorum(2, approval.Any(approval.Role("manager"), approval.Person("peer"))),
			"2 of (1 of role manager or person peer)",
			[]people{{boss, peer}, {boss, both}},
			[]people{{peer}, {peer, clerk}},
		},
		"nested": {
			approval.All(approval.Any(approval.Role("manager"), approval.Role("owner")), approval.Role("peer")),
			"(1 of role manager or 1 of role owner) and 1 of role peer",
			[]people{{boss, peer}, {both, boss}},
			[]people{{boss}, {both}},
		},
		"nobody":         {approval.Need{}, "nobody", nil, []people{nil, {boss, both}}},
		"all of none":    {approval.All(), "nobody", nil, []people{nil, {boss}}},
		"quorum of 0":    {approval.Quorum(0, approval.Role("manager")), "0 of role manager", nil, []people{nil, {boss}}},
		"person unnamed": {approval.Role("manager"), "1 of role manager", nil, []people{{{Type: approval.Human, Roles: []string{"manager"}}}}},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.words, test.need.String())
			for _, p := range test.met {
				assert.True(t, test.need.Met(p), "%v", p)
			}
			for _, p := range test.unmet {
				assert.False(t, test.need.Met(p), "%v", p)
			}
			data, err := json.Marshal(test.need)
			require.NoError(t, err)
			var back approval.Need
			require.NoError(t, json.Unmarshal(data, &back))
			if test.need.Validate() == nil {
				assert.Equal(t, test.need, back)
			}
		})
	}
}

func TestNeedValidate(t *testing.T) {
	deep := approval.Role("r")
	for range 20 {
		deep = approval.All(deep)
	}
	wide := make([]approval.Need, 100)
	for i := range wide {
		wide[i] = approval.Role(strconv.Itoa(i))
	}
	two := approval.Any(approval.Quorum(2, approval.Role("a")), approval.Quorum(2, approval.Role("b")))
	for name, need := range map[string]approval.Need{
		"zero":           {},
		"quorum of none": approval.Quorum(0, approval.Role("r")),
		"negative":       approval.Quorum(-1, approval.Role("r")),
		"too many":       approval.Quorum(17, approval.Role("r")),
		"all of nothing": approval.All(),
		"any of nothing": approval.Any(),
		"zero inside":    approval.All(approval.Role("r"), approval.Need{}),
		"both":           {Role: "r", Person: "p"},
		"too deep":       deep,
		"too wide":       approval.Any(wide...),
		"too many ways":  approval.All(two, two, two, two, two, two, two),
	} {
		t.Run(name, func(t *testing.T) {
			require.Error(t, need.Validate())
			assert.False(t, need.Met([]approval.Principal{manager, other}) && need.IsZero())
		})
	}
	require.NoError(t, approval.Quorum(16, approval.Role("r")).Validate())
	assert.Equal(t, []string{"a", "b"}, approval.All(two, approval.Role("a"), approval.Person("x")).Roles())
	assert.Equal(t, []string{"x"}, approval.All(two, approval.Person("x")).Persons())
}

// TestNeedAgainstOracle compares with a search that tries every way to hand
// people out to places.
func TestNeedAgainstOracle(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	roles := []string{"a", "b", "c"}
	met, unmet := 0, 0
	for range 5000 {
		need := randomNeed(rng, roles, 3)
		if need.Validate() != nil {
			continue
		}
		var people []approval.Principal
		for i := range rng.IntN(5) {
			p := approvaltest.Person(fmt.Sprint("p", i))
			for _, role := range roles {
				if rng.IntN(3) == 0 {
					p.Roles = append(p.Roles, role)
				}
			}
			people = append(people, p)
		}
		want := oracle([]approval.Need{need}, people)
		require.Equal(t, want, need.Met(people), "%v of %v", need, people)
		if want {
			met++
		} else {
			unmet++
		}
	}
	t.Logf("%d met, %d not", met, unmet)
	assert.Greater(t, min(met, unmet), 500)
}

func randomNeed(rng *rand.Rand, roles []string, depth int) approval.Need {
	kind := rng.IntN(5)
	if depth == 0 {
		kind = rng.IntN(2)
	}
	list := func() (needs []approval.Need) {
		for range 1 + rng.IntN(2) {
			needs = append(needs, randomNeed(rng, roles, depth-1))
		}
		return needs
	}
	switch kind {
	case 0:
		return approval.Role(roles[rng.IntN(len(roles))])
	case 1:
		return approval.Person(fmt.Sprint("p", rng.IntN(5)))
	case 2:
		return approval.Quorum(1+rng.IntN(2), randomNeed(rng, roles, depth-1))
	case 3:
		return approval.All(list()...)
	}
	return approval.Any(list()...)
}

// oracle reports whether free can meet all needs, nobody twice.
func oracle(needs []approval.Need, free []approval.Principal) bool {
	if len(needs) == 0 {
		return true
	}
	n, rest := needs[0], needs[1:]
	without := func(i int) []approval.Principal {
		return append(append([]approval.Principal(nil), free[:i]...), free[i+1:]...)
	}
	switch {
	case n.Quorum != nil:
		more := append([]approval.Need(nil), rest...)
		for range n.Quorum.N {
			more = append(more, n.Quorum.Of)
		}
		return oracle(more, free)
	case n.All != nil:
		return oracle(append(append([]approval.Need(nil), n.All...), rest...), free)
	case n.Any != nil:
		for _, m := range n.Any {
			if oracle(append([]approval.Need{m}, rest...), free) {
				return true
			}
		}
		return false
	}
	for i, p := range free {
		if (n.Role != "" && p.HasRole(n.Role) || n.Person != "" && p.ID == n.Person) && oracle(rest, without(i)) {
			return true
		}
	}
	return false
}
