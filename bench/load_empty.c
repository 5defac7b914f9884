/* SPDX-License-Identifier: MIT
   Row L1: what every process costs. */
int main(void) { return 0; }
