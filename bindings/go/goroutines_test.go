// SPDX-License-Identifier: MIT

package tapegrad

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// 10,000 goroutines on 4 threads, none of them locked to its thread, half of them in inference
// mode: each sees its own mode after each change of threads, and its own messages.
func TestNoModeAndNoMessageReachesTheWrongGoroutine(t *testing.T) {
	const goroutines, rounds = 10_000, 5
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	background := context.Background()
	leaf := Must(FromSlice(background, []float32{1, 2, 3}, true))
	start := make(chan struct{})
	problems := make(chan string, 100)
	var all sync.WaitGroup
	for number := range goroutines {
		all.Go(func() {
			<-start
			for range rounds {
				if problem := oneRound(background, leaf, number); problem != "" {
					select {
					case problems <- fmt.Sprintf("goroutine %d: %s", number, problem):
					default:
					}
					return
				}
			}
		})
	}
	close(start)
	all.Wait()
	close(problems)
	for problem := range problems {
		t.Error(problem)
	}
}

func oneRound(background context.Context, leaf *Tensor, number int) string {
	ctx, inference := background, number%2 == 0
	if inference {
		ctx = Must(InferenceMode(ctx, true))
		runtime.Gosched()
	}
	y := Must(leaf.MulScalar(ctx, 2))
	defer y.Release()
	runtime.Gosched()
	if Must(y.RequiresGrad(ctx)) == inference || Must(y.IsInference(ctx)) != inference {
		return "a result of the wrong mode"
	}
	runtime.Gosched()
	if Must(IsInferenceModeEnabled(ctx)) != inference {
		return "the wrong mode"
	}
	// The name stands in the message, so that the message tells whose it is.
	own := Must(leaf.Detach(ctx))
	defer own.Release()
	if err := own.SetName(ctx, fmt.Sprintf("tensor of %d;", number)); err != nil {
		return err.Error()
	}
	runtime.Gosched()
	_, err := own.Select(ctx, 0, int64(number+3))
	runtime.Gosched()
	if CodeOf(err) != ErrorIndex || !strings.Contains(err.Error(), fmt.Sprint(number+3)) {
		return fmt.Sprintf("select's error is %v", err)
	}
	_, err = own.View(ctx, []int64{2, int64(number + 2)})
	if CodeOf(err) != ErrorShape || !strings.Contains(err.Error(), fmt.Sprintf("[2, %d]", number+2)) {
		return fmt.Sprintf("view's error is %v", err)
	}
	return ""
}
