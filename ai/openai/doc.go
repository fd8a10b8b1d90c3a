// Package openai lets the models of OpenAI, and of servers that are compatible
// with it, answer as an [ai.Model]. It is an adapter over the official SDK,
// github.com/openai/openai-go.
//
//	model, err := openai.New(apiKey, "gpt-5-mini", nil)
//	if err != nil {
//		return err
//	}
//	resp, err := model.Generate(ctx, &ai.Request{
//		Messages: []ai.Message{ai.User("Thank the customer in one sentence.")},
//	})
//
// # Which API
//
// OpenAI offers its models through Chat Completions and through Responses.
// [Options.API] chooses; the default is [Chat], because that is what compatible
// servers speak and what stays when BaseURL changes. With [Responses], the
// reasoning of a model is kept from turn to turn and files can be sent by URL, but
// there are no stop sequences. Nothing is stored at OpenAI: requests to Responses
// set "store" to false.
//
// # Azure
//
// Azure's v1 API is a compatible server: BaseURL is
// "https://RESOURCE.openai.azure.com/openai/v1" and the model is the name of the
// deployment. For its older APIs and for tokens of Microsoft Entra ID, the SDK's
// package azure makes the options that go into [Options.SDK].
// https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle
//
// # Embeddings
//
// [NewEmbedder] returns an [ai.Embedder] over the same servers.
//
// # What the package does not do
//
// It reads no environment variable, though the SDK has a dozen of them: key, base
// URL, organization and project come from the arguments alone. It does not retry,
// and it sets no timeout: see [ai.Retry], [ai.Timeout] and the context.
//
// # Errors
//
// Errors are of type [ai.Error]. The text that a server sends with an error is
// not in it, since such texts quote prompts and parts of keys; its code, type and
// request ID are. A used-up quota, which OpenAI reports as a 429 like a rate
// limit, is [ai.ErrQuota] and not to be retried.
//
// API reference: https://platform.openai.com/docs/api-reference
package openai
