import test from 'ava';
import { countAnswers } from './device-answers.ts';

test('the answers of the device are counted by kind', (t) => {
  const trace = [
    'qemu: some warning',
    '4711@1700000000.000001:virtio_mem_send_response type=0',
    '4711@1700000000.000002:virtio_mem_send_response type=2',
    '4711@1700000000.000003:virtio_mem_send_response type=0',
    'virtio_mem_send_response type=1',
    '',
  ].join('\n');
  t.deepEqual(countAnswers(trace), { ack: 2, nack: 1, busy: 1, error: 0 });
});
