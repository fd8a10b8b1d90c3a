// Package policyfile reads the policy of an approval queue from a file, JSON or
// YAML, for shops whose rules are kept by people who do not write Go.
//
//	file, err := policyfile.Parse(data)
//	if err != nil {
//		return err // says where, such as rules[2].ask.need
//	}
//	queue, err := approval.NewQueue(store, log, file.Policy(), nil)
//
// A file looks like this; rules are tried from the top, and the first one that
// is about a request decides:
//
//	version: "2026-11"
//	rules:
//	  - name: no gift cards
//	    when: {kind: pos.discount, args: [{path: /gift_card, equal: true}]}
//	    deny: Gift cards are never discounted.
//	  - name: small discounts
//	    when: {kind: pos.discount, amount_at_most: {amount: "20.00", currency: USD}}
//	    allow: At most 20.00.
//	  - name: everything else
//	    ask:
//	      need: {any: [{role: manager}, {quorum: {n: 2, of: {role: lead}}}]}
//	      expiry: 2h
//	      reason: More than 20.00.
//	      escalation:
//	        - {after: 30m, need: {role: owner}}
//
// Where no rule is about a request, or one cannot tell, people are asked.
//
// # Strictness
//
// A policy that is misread is worse than none, so everything unknown is an
// error: fields, values, a rule that says two things, a condition without
// content. YAML is read as JSON with other punctuation: anchors, aliases, tags
// and duplicate keys are refused, amounts and bounds have to be in quotes. A
// file has at most 256 KiB and 500 rules.
//
// # Versions
//
// The policy's version is that of the file and the first digits of a hash over
// what it says. So a change of the rules changes the version, and with it every
// digest, though somebody forgets to raise the number; a change of comments or
// of the order of keys does not.
package policyfile
