// SPDX-License-Identifier: MIT

package tapegrad

import (
	"context"
	"errors"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestAnErrorHasItsCodeAndItsMessage(t *testing.T) {
	ctx := context.Background()
	a := Must(Ones(ctx, Float32, []int64{2, 3}))
	b := Must(Ones(ctx, Float32, []int64{4, 5}))
	product, err := a.Mm(ctx, b)
	var own *Error
	if product != nil || !errors.As(err, &own) {
		t.Fatalf("mm of [2, 3] and [4, 5] gave %v, %v", product, err)
	}
	if own.Code != ErrorShape || own.Name() != "TG_ERROR_SHAPE" ||
		!strings.Contains(own.Message, "[2, 3]") || !strings.Contains(own.Message, "[4, 5]") {
		t.Errorf("code %d, name %s, message %q", own.Code, own.Name(), own.Message)
	}
	if !errors.Is(err, &Error{Code: ErrorShape}) || errors.Is(err, &Error{Code: ErrorMode}) {
		t.Error("errors.Is does not ask for the code")
	}
	var none *Tensor
	if _, err = none.Neg(ctx); CodeOf(err) != ErrorInvalidHandle {
		t.Errorf("a nil tensor gave %v", err)
	}
	a.Release()
	a.Release()
	if _, err = a.Neg(ctx); CodeOf(err) != ErrorInvalidHandle {
		t.Errorf("a released tensor gave %v", err)
	}
}

func TestValuesOfEachKindGoBothWays(t *testing.T) {
	ctx := context.Background()
	x := Must(FromSlice(ctx, []float64{1, 2, 3, 4, 5, 6}, true, 2, 3))
	must(t, x.SetName(ctx, "größe"))
	if name := Must(x.Name(ctx)); name != "größe" {
		t.Errorf("the name is %q", name)
	}
	long := strings.Repeat("x", 5000)
	must(t, x.SetName(ctx, long))
	if Must(x.Name(ctx)) != long {
		t.Error("a long name came back changed")
	}
	if shape := Must(x.Shape(ctx)); len(shape) != 2 || shape[0] != 2 || shape[1] != 3 {
		t.Errorf("the shape is %v", shape)
	}
	if got := Must(ToSlice[float64](ctx, Must(x.MulScalar(ctx, 2)))); got[5] != 12 {
		t.Errorf("twice the tensor is %v", got)
	}
	if _, err := ToSlice[float32](ctx, x); CodeOf(err) != ErrorDType {
		t.Errorf("float64 elements as float32: %v", err)
	}
	if _, err := FromSlice(ctx, []float32{1, 2, 3}, false, 2, 2); CodeOf(err) != ErrorShape ||
		!strings.Contains(err.Error(), "3 elements are no [2 2]") {
		t.Errorf("3 elements in a shape of 4: %v", err)
	}
	values, indices, err := x.MaxDim(ctx, 1, false)
	must(t, err)
	if Must(ToSlice[float64](ctx, values))[1] != 6 || Must(ToSlice[int64](ctx, indices))[1] != 2 {
		t.Errorf("the greatest of each row: %v at %v", values, indices)
	}
	parts := Must(x.Split(ctx, 1, 1))
	if len(parts) != 3 {
		t.Errorf("split gave %d parts", len(parts))
	}
	many := Must(Must(Arange(ctx, 0, 100, 1, Float32)).Split(ctx, 1, 0))
	if len(many) != 100 || Must(many[99].Item(ctx)) != 99 {
		t.Errorf("split gave %d parts of 100", len(many))
	}
	y := Must(Must(x.Mul(ctx, x)).Sum(ctx))
	grads := Must(Grad(ctx, []*Tensor{y}, nil, []*Tensor{x}, 0))
	if got := Must(ToSlice[float64](ctx, grads[0])); got[2] != 6 {
		t.Errorf("the gradient of x x is %v", got)
	}
	if x.String() == "" || Must(BLASInfo(ctx)) == "" || Must(VersionString(ctx)) == "" {
		t.Error("a text is empty")
	}
}

func TestAModeEndsWithItsContext(t *testing.T) {
	ctx := context.Background()
	inference := Must(InferenceMode(ctx, true))
	out := Must(InferenceMode(inference, false))
	for _, row := range []struct {
		ctx             context.Context
		inference, grad bool
	}{{ctx, false, true}, {inference, true, false}, {out, false, true},
		{Must(NoGrad(ctx)), false, false}, {Must(EnableGrad(Must(NoGrad(ctx)))), false, true},
		{Must(SetGradEnabled(ctx, false)), false, false}} {
		if Must(IsInferenceModeEnabled(row.ctx)) != row.inference ||
			Must(IsGradEnabled(row.ctx)) != row.grad {
			t.Errorf("not inference %v, grad %v", row.inference, row.grad)
		}
	}
	if _, err := NoGrad(inference); CodeOf(err) != ErrorMode {
		t.Errorf("no_grad inside inference mode: %v", err)
	}
	if _, err := NoGrad(Must(SetNesting(inference, NestingAllow))); err != nil {
		t.Errorf("no_grad inside inference mode, allowed: %v", err)
	}
	zero := Must(FromSlice(ctx, []float32{0}, false))
	if _, err := zero.Log(Must(AnomalyMode(ctx))); CodeOf(err) != ErrorAutograd {
		t.Errorf("the logarithm of 0 in anomaly mode: %v", err)
	}
	if _, err := zero.Log(ctx); err != nil {
		t.Errorf("the logarithm of 0: %v", err)
	}
}

func TestACancelledTokenEndsTheCallsOfItsContext(t *testing.T) {
	ctx := context.Background()
	token := Must(TokenCreate(ctx))
	x := Must(FromSlice(ctx, []float32{1, 2, 3}, true))
	loss := Must(x.Sum(ctx))
	cancellable := WithToken(ctx, token)
	must(t, BackwardFrom(cancellable, []*Tensor{loss}, nil, RetainGraph))
	must(t, token.Cancel(ctx))
	if err := loss.Backward(Must(EnableGrad(cancellable))); CodeOf(err) != ErrorCancelled {
		t.Errorf("backward with a cancelled token: %v", err)
	}
	must(t, loss.Backward(ctx))
}

func residentBytes(t *testing.T) int {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("no /proc")
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	return Must(strconv.Atoi(strings.Fields(rest)[0])) << 10
}

func TestTensorsThatTheCollectorFindsLeaveResidentMemoryFlat(t *testing.T) {
	ctx := context.Background()
	before := 0
	for i := range 120_000 { // 20,000 to warm up, then 100,000; 4 KiB each
		if i == 20_000 {
			runtime.GC()
			before = residentBytes(t)
		}
		Must(Ones(ctx, Float32, []int64{1024}))
	}
	after := residentBytes(t)
	t.Logf("%d MiB resident before, %d after", before>>20, after>>20)
	if after > before+(96<<20) {
		t.Errorf("%d MiB resident before, %d after", before>>20, after>>20)
	}
	settle(t)
}

// settle waits until the collector has released all that tests left behind.
func settle(t *testing.T) {
	t.Helper()
	for range 1000 {
		runtime.GC()
		if LiveHandles() == 0 {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Errorf("%d handles are never released", LiveHandles())
}

func TestGarbageIsCollectedBeforeMemoryIsSaidToBeOut(t *testing.T) {
	settle(t)
	ctx := context.Background()
	must(t, MemoryLimitSet(ctx, 16<<20))
	defer MemoryLimitSet(ctx, 0)
	for range 5000 { // 20 MiB altogether, nothing of it kept
		if _, err := Ones(ctx, Float32, []int64{1024}); err != nil {
			t.Fatal(err)
		}
	}
	var kept []*Tensor
	for {
		x, err := Ones(ctx, Float32, []int64{1 << 20})
		if err != nil {
			if CodeOf(err) != ErrorOutOfMemory || len(kept) < 2 {
				t.Errorf("after %d kept ones: %v", len(kept), err)
			}
			break
		}
		kept = append(kept, x)
	}
	runtime.KeepAlive(kept)
}

// The runtime runs finalizers on a goroutine of its own, here while others compute and collect.
func TestFinalizersRunBesideCallsUnderLoad(t *testing.T) {
	ctx := context.Background()
	stop := make(chan struct{})
	var collectors, workers sync.WaitGroup
	collectors.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				runtime.GC()
			}
		}
	})
	for worker := range 8 {
		workers.Go(func() {
			x := Must(Full(ctx, float64(worker), Float32, []int64{64}))
			for i := range 2000 {
				y := Must(x.AddScalar(ctx, float64(i)))
				z := Must(y.Mul(ctx, y))
				want := float64(worker+i) * float64(worker+i) * 64
				if got := Must(Must(z.Sum(ctx)).Item(ctx)); math32(got) != math32(want) {
					t.Errorf("worker %d, step %d: %v, not %v", worker, i, got, want)
				}
			}
		})
	}
	workers.Wait()
	close(stop)
	collectors.Wait()
	settle(t)
}

func math32(x float64) float32 { return float32(x) }
