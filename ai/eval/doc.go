// Package eval measures models, prompts and baselines on cases whose right answer
// is known, and says which is better and how sure that is.
//
// A [Suite] has cases, contestants and graders. Each contestant answers each case,
// each grader scores each answer from 0 to 1:
//
//	cases, err := eval.ReadFile[Note, Reason]("testdata/notes.jsonl", nil)
//	…
//	suite := &eval.Suite[Note, Reason, Reason]{
//		Name:  "return reasons",
//		Cases: cases,
//		Contestants: []eval.Contestant[Note, Reason]{
//			{Name: "keywords", Ask: byKeywords},
//			{Name: "gpt-5-mini", Version: promptDigest, Ask: byModel(eval.Meter(model))},
//		},
//		Graders: []eval.Grader[Note, Reason, Reason]{eval.Exact[Note]("reason", eval.Is[Reason], eval.Is[Reason])},
//	}
//	results, err := suite.Run(ctx, &eval.Options{Results: "notes.results.jsonl", MaxCost: limit, Prices: prices})
//	report, err := results.Report()
//	err = report.WriteText(os.Stdout)
//
// The first contestant is what the others are compared with: the deterministic
// baseline, or the version that is in production. It is measured like any other.
//
// # What counts
//
// An answer that did not come (an error, a time limit) scores 0 with every grader,
// since that is what it is worth to whoever waits for it; it is counted as failed
// beside. A grader that fails says nothing about the answer: such grades are counted
// apart as ungraded and left out of scores. An answer for which the program's own
// baseline stood in is scored as it is and counted, see [Fallback].
//
// # Statistics
//
// Scores that are all 0 or 1 have Wilson's 95 % interval; others the percentile
// interval of 2,000 bootstrap samples of cases. Two contestants are compared on the
// same cases, by the differences: a bootstrap interval of their mean, and the
// p-value of McNemar's exact test where all scores are 0 or 1, else of a permutation
// test of signs, which is exact up to 18 differences. Pairs matter: the same model on
// the same cases has far less noise than two separate rates. No p-value is adjusted
// for the number of comparisons. The same results and seed give the same report.
//
// Sources: Wilson, JASA 22 (1927); Efron, Annals of Statistics 7 (1979); McNemar,
// Psychometrika 12 (1947); Fisher, The Design of Experiments (1935); Phipson and
// Smyth, SAGMB 9 (2010); Miller, Adding Error Bars to Evals (2024),
// https://arxiv.org/abs/2411.00640
//
// # Money
//
// What the models of [Meter] use is counted on the case. Finished answers are kept
// in a file, one line each, so that a run that was interrupted goes on where it was
// and pays for nothing twice. With [Options].MaxCost a run ends before it would
// cost more, and says so.
//
// # In CI
//
// [Report.Compare] returns a [Comparison] whose methods Worse and NonInferior return
// an error when a version must not go out:
//
//	c, err := report.Compare("reason", "prompt 3", "prompt 4")
//	require.NoError(t, err)
//	require.NoError(t, c.Worse(0.02))
//
// # Privacy
//
// A results file holds the answers and the texts of errors; a report holds neither,
// but the names, tags and numbers of cases, what graders said of an answer that was
// wrong, and classes of errors. Treat the file as you treat the cases.
package eval
