// SPDX-License-Identifier: MIT

package tapegrad

import (
	"context"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
)

// The network of examples/c/digits.c, trained from the same seed.
func TestTheDigitsNetworkEndsWithTheLossOfTheCProgramBitForBit(t *testing.T) {
	want := strings.TrimSpace(reference(t, "digits.txt"))
	const rows, pixelCount, batch = 1437, 64, 32
	text, err := os.ReadFile("../../examples/data/digits.csv")
	if err != nil {
		t.Fatal(err)
	}
	var pixels []float32
	var digits []int64
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n")[:rows] {
		for i, field := range strings.Split(strings.TrimSpace(line), ",") {
			number := Must(strconv.Atoi(field))
			if i < pixelCount {
				pixels = append(pixels, float32(number)/16)
			} else {
				digits = append(digits, int64(number))
			}
		}
	}
	ctx := context.Background()
	images := Must(FromSlice(ctx, pixels, false, rows, pixelCount))
	labels := Must(FromSlice(ctx, digits, false))
	must(t, ManualSeed(ctx, 0))
	net := Must(NNSequential(ctx, []*Module{
		Must(NNLinear(ctx, pixelCount, 128, true, Float32)), Must(NNRelu(ctx)),
		Must(NNLinear(ctx, 128, 10, true, Float32))}))
	var parameters []*Tensor
	for i := range Must(net.ParameterCount(ctx)) {
		parameters = append(parameters, Must(net.ParameterAt(ctx, i)))
	}
	adam := Must(OptimAdam(ctx, parameters, 5e-3))
	must(t, net.Train(ctx, true))
	loss := 0.0
	for range 50 {
		order := Must(Randperm(ctx, nil, rows))
		sum := 0.0
		for start := int64(0); start < rows; start += batch {
			length := min(rows-start, batch)
			chosen := Must(order.Narrow(ctx, 0, start, length))
			scores := Must(net.Forward(ctx, Must(images.IndexSelect(ctx, 0, chosen))))
			step := Must(scores.CrossEntropy(ctx, Must(labels.IndexSelect(ctx, 0, chosen)), nil,
				-100, ReductionMean, 0))
			must(t, adam.ZeroGrad(ctx))
			must(t, step.Backward(ctx))
			must(t, adam.Step(ctx))
			sum += Must(step.Item(ctx)) * float64(length)
		}
		loss = sum / rows
	}
	if got := strconv.FormatUint(math.Float64bits(loss), 16); got != want {
		t.Errorf("the loss is %v, bits %s; the C program's bits are %s", loss, got, want)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
