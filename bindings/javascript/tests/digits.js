// SPDX-License-Identifier: MIT
// digits.js DATA: trains the network of examples/c/digits.c from seed 0 and prints the bits of the
// mean loss of the last epoch, which are those of the program in C.
import { readFileSync } from 'node:fs';
import tapegrad from '../index.js';

const { nn, optim } = tapegrad;
const trainRows = 1437, epochs = 50, batch = 32;
const rows = readFileSync(process.argv[2], 'utf8').split('\n').slice(0, trainRows)
  .map((line) => line.split(',').map(Number));
const images = tapegrad.tensor(rows.map((row) => row.slice(0, 64).map((value) => value / 16)));
const labels = tapegrad.tensor(rows.map((row) => row[64]), { dtype: 'int64' });

tapegrad.manualSeed(0);
const net = nn.sequential([nn.linear(64, 128), nn.relu(), nn.linear(128, 10)]);
const adam = optim.adam(net.parameters, 5e-3);

// The scope releases all that is made in it; what the tape needs lives until backward has run.
function step(order, start, length) {
  return tapegrad.scope(() => {
    const chosen = order.narrow(0, start, length);
    const loss = net.forward(images.indexSelect(0, chosen))
      .crossEntropy(labels.indexSelect(0, chosen));
    adam.zeroGrad();
    loss.backward();
    adam.step();
    return loss.item();
  });
}

let sum;
for (let epoch = 0; epoch < epochs; epoch++) {
  const order = tapegrad.randperm(trainRows);
  sum = 0;
  for (let start = 0; start < trainRows; start += batch) {
    const length = Math.min(batch, trainRows - start);
    sum += step(order, start, length) * length;
  }
}
const bits = new DataView(new ArrayBuffer(8));
bits.setFloat64(0, sum / trainRows);
console.log(bits.getBigUint64(0).toString(16).padStart(16, '0'));
