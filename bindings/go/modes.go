// SPDX-License-Identifier: MIT

package tapegrad

import "context"

// Modes travel in a context: each function below gives a context in which the mode is on, and the
// one that it was made of stays as it was. So there is nothing to leave, no thread to lock, and a
// goroutine is in the modes of the context that it was given.

// task is what a context carries: the word of tg_state_get, which is 0 where nothing was entered,
// and the token that ends its calls.
type task struct {
	state uint64
	token *Token
}

type taskKey struct{}

func taskOf(ctx context.Context) (carried task) {
	if ctx != nil && ctx != context.Background() {
		carried, _ = ctx.Value(taskKey{}).(task)
	}
	return carried
}

// WithToken gives a context whose calls end with ErrorCancelled once the token is cancelled.
func WithToken(ctx context.Context, token *Token) context.Context {
	return context.WithValue(ctx, taskKey{}, task{taskOf(ctx).state, token})
}

func enter(ctx context.Context, name string, arguments ...int64) (context.Context, error) {
	c := begin(ctx, name)
	defer c.end()
	for _, argument := range arguments {
		c.integer(argument)
	}
	if err := c.run(); err != nil {
		return nil, err
	}
	return context.WithValue(ctx, taskKey{}, task{c.frame.state, taskOf(ctx).token}), nil
}

func number(on bool) int64 {
	if on {
		return 1
	}
	return 0
}

// InferenceMode gives a context of inference mode; mode false one that is out of it again.
func InferenceMode(ctx context.Context, mode bool) (context.Context, error) {
	return enter(ctx, "tg_inference_mode_enter\x00", number(mode))
}

// NoGrad gives a context in which nothing is recorded.
func NoGrad(ctx context.Context) (context.Context, error) {
	return enter(ctx, "tg_no_grad_enter\x00")
}

// EnableGrad gives a context of grad mode 1.
func EnableGrad(ctx context.Context) (context.Context, error) {
	return enter(ctx, "tg_enable_grad_enter\x00")
}

// SetGradEnabled gives a context of the grad mode that enabled says.
func SetGradEnabled(ctx context.Context, enabled bool) (context.Context, error) {
	return enter(ctx, "tg_set_grad_enabled_enter\x00", number(enabled))
}

// AnomalyMode gives a context in which a call that makes NaN or an infinity fails.
func AnomalyMode(ctx context.Context) (context.Context, error) {
	return enter(ctx, "tg_anomaly_mode_enter\x00")
}

// SetNesting gives a context with NestingRefuse or NestingAllow.
func SetNesting(ctx context.Context, nesting int32) (context.Context, error) {
	return enter(ctx, "tg_mode_nesting_set\x00", int64(nesting))
}
