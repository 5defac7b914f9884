// SPDX-License-Identifier: MIT
// The seed's four examples; what they print is compared with what those in examples/c print.
import tapegrad from '../index.js';

const { nn } = tapegrad;
const truth = (value) => (value ? 'True' : 'False');

// 1: what a result knows of gradients
const x = tapegrad.tensor([1, 2, 3], { requiresGrad: true });
tapegrad.inferenceMode(() => {
  const y = x.mul(2);
  console.log('在 inference_mode 中:', truth(y.requiresGrad));
});
tapegrad.noGrad(() => {
  const z = x.mul(2);
  console.log('在 no_grad 中:', truth(z.requiresGrad));
});

// 2: where the modes differ
function tenfoldProduct() {
  let product = tapegrad.randn([100, 100]);
  for (let n = 0; n < 10; n++) product = product.mm(product);
  return product.sum();
}
console.log('在 inference_mode 中:', truth(tapegrad.inferenceMode(tenfoldProduct).isLeaf));
console.log('在 no_grad 中:', truth(tapegrad.noGrad(tenfoldProduct).isLeaf));

// 3: a network, with the mode around the call and around the function
const size = (tensor) => `torch.Size([${tensor.shape.join(', ')}])`;
const net = nn.sequential([nn.linear(10, 20), nn.relu(), nn.linear(20, 5)]);
net.eval();
const input = tapegrad.randn([100, 10]);
tapegrad.inferenceMode(() => {
  const output = net.forward(input);
  console.log('输出形状:', size(output));
  console.log('输出 requires_grad:', truth(output.requiresGrad));
});
const predict = tapegrad.decorate(tapegrad.inferenceMode, (of) => net.forward(of));
console.log('装饰器方式 - 输出形状:', size(predict(input)));

// 4: what the modes cost in memory
const large = nn.sequential([nn.linear(1000, 1000), nn.relu(), nn.linear(1000, 1000), nn.relu(),
  nn.linear(1000, 10)]);
const rows = tapegrad.randn([50, 1000]);
function measure() {
  tapegrad.memoryPeakReset();
  const before = tapegrad.memoryCurrent();
  const y = large.forward(rows);
  console.log(`peak ${tapegrad.memoryPeak() - before} bytes, ` +
    `kept ${tapegrad.memoryCurrent() - before} bytes`);
  y.release();
}
console.log('不使用任何上下文管理器:');
measure();
console.log('\n使用 no_grad:');
tapegrad.noGrad(measure);
console.log('\n使用 inference_mode:');
tapegrad.inferenceMode(measure);
