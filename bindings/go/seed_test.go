// SPDX-License-Identifier: MIT

package tapegrad

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// The four examples of examples/c, written in Go: they print the lines that the C programs print.
// Run by bindings/go/test.sh, which makes what they are held against.

func truth(value bool) string {
	if value {
		return "True"
	}
	return "False"
}

func seed1(ctx context.Context, out *strings.Builder) {
	x := Must(FromSlice(ctx, []float32{1, 2, 3}, true))
	inference := Must(InferenceMode(ctx, true))
	y := Must(x.MulScalar(inference, 2))
	fmt.Fprintf(out, "在 inference_mode 中: %s\n", truth(Must(y.RequiresGrad(ctx))))
	noGrad := Must(NoGrad(ctx))
	z := Must(x.MulScalar(noGrad, 2))
	fmt.Fprintf(out, "在 no_grad 中: %s\n", truth(Must(z.RequiresGrad(ctx))))
}

func seed2(ctx context.Context, out *strings.Builder) {
	tenfold := func(ctx context.Context) *Tensor {
		x := Must(Randn(ctx, nil, Float32, []int64{100, 100}))
		for range 10 {
			x = Must(x.Mm(ctx, x))
		}
		return Must(x.Sum(ctx))
	}
	inferred := tenfold(Must(InferenceMode(ctx, true)))
	fmt.Fprintf(out, "在 inference_mode 中: %s\n", truth(Must(inferred.IsLeaf(ctx))))
	plain := tenfold(Must(NoGrad(ctx)))
	fmt.Fprintf(out, "在 no_grad 中: %s\n", truth(Must(plain.IsLeaf(ctx))))
}

func size(shape []int64) string {
	return "torch.Size([" + strings.Trim(strings.ReplaceAll(fmt.Sprint(shape), " ", ", "), "[]") + "])"
}

func seed3(ctx context.Context, out *strings.Builder) {
	net := Must(NNSequential(ctx, []*Module{
		Must(NNLinear(ctx, 10, 20, true, Float32)), Must(NNRelu(ctx)),
		Must(NNLinear(ctx, 20, 5, true, Float32))}))
	if err := net.Eval(ctx); err != nil {
		panic(err)
	}
	input := Must(Randn(ctx, nil, Float32, []int64{100, 10}))
	predict := func(ctx context.Context) *Tensor {
		return Must(net.Forward(Must(InferenceMode(ctx, true)), input))
	}
	output := Must(net.Forward(Must(InferenceMode(ctx, true)), input))
	fmt.Fprintf(out, "输出形状: %s\n", size(Must(output.Shape(ctx))))
	fmt.Fprintf(out, "输出 requires_grad: %s\n", truth(Must(output.RequiresGrad(ctx))))
	fmt.Fprintf(out, "装饰器方式 - 输出形状: %s\n", size(Must(predict(ctx).Shape(ctx))))
}

func seed4(ctx context.Context, out *strings.Builder) {
	runtime.LockOSThread() // bytes are counted exactly for one thread, to 64 KiB for several
	defer runtime.UnlockOSThread()
	net := Must(NNSequential(ctx, []*Module{
		Must(NNLinear(ctx, 1000, 1000, true, Float32)), Must(NNRelu(ctx)),
		Must(NNLinear(ctx, 1000, 1000, true, Float32)), Must(NNRelu(ctx)),
		Must(NNLinear(ctx, 1000, 10, true, Float32))}))
	x := Must(Randn(ctx, nil, Float32, []int64{50, 1000}))
	measure := func(ctx context.Context) {
		if err := MemoryPeakReset(ctx); err != nil {
			panic(err)
		}
		before := Must(MemoryCurrent(ctx))
		y := Must(net.Forward(ctx, x))
		peak := Must(MemoryPeak(ctx)) - before
		kept := Must(MemoryCurrent(ctx)) - before
		fmt.Fprintf(out, "peak %d bytes, kept %d bytes\n", peak, kept)
		y.Release()
	}
	fmt.Fprintln(out, "不使用任何上下文管理器:")
	measure(ctx)
	fmt.Fprintln(out, "\n使用 no_grad:")
	measure(Must(NoGrad(ctx)))
	fmt.Fprintln(out, "\n使用 inference_mode:")
	measure(Must(InferenceMode(ctx, true)))
}

// The fourth example counts bytes, which the library does exactly for a process of one thread. So
// the examples have a process of their own.
func TestTheSeedsExamplesPrintTheLinesOfTheCPrograms(t *testing.T) {
	if path := os.Getenv("SEED_OUTPUT"); path != "" {
		var out strings.Builder
		for _, example := range []func(context.Context, *strings.Builder){seed1, seed2, seed3, seed4} {
			example(context.Background(), &out)
		}
		must(t, os.WriteFile(path, []byte(out.String()), 0o600))
		return
	}
	want := reference(t, "seed.txt")
	path := filepath.Join(t.TempDir(), "output")
	child := exec.Command(os.Args[0], "-test.run", "TheSeedsExamples")
	child.Env = append(os.Environ(), "SEED_OUTPUT="+path)
	if text, err := child.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	got, err := os.ReadFile(path)
	must(t, err)
	if string(got) != want {
		t.Errorf("the examples printed\n%s\nand the C programs\n%s", got, want)
	}
}

// reference reads what bindings/kit/prepare has made in KIT_FOLDER.
func reference(t *testing.T, name string) string {
	t.Helper()
	folder := os.Getenv("KIT_FOLDER")
	if folder == "" {
		t.Skip("KIT_FOLDER is not set: bindings/go/test.sh sets it")
	}
	text, err := os.ReadFile(filepath.Join(folder, name))
	must(t, err)
	return string(text)
}
