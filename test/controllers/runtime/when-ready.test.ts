import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { whenReady } from '../../../src/controllers/runtime/when-ready.ts';

const state = { leads: true, ready: false };
const followers = new Set<() => void>();
const leadership = {
  isLeader: (): boolean => state.leads,
  onChange: (follower: () => void) => {
    followers.add(follower);
    return () => followers.delete(follower);
  },
};

beforeEach(() => {
  vi.useFakeTimers();
  state.leads = true;
  state.ready = false;
  followers.clear();
});
afterEach(() => {
  vi.useRealTimers();
});

test('does not lead before there is something to lead with, and then says so', () => {
  const both = whenReady(leadership, () => state.ready);
  const heard = vi.fn();
  both.onChange(heard);
  vi.advanceTimersByTime(1_000);
  expect([both.isLeader(), heard.mock.calls.length]).toEqual([false, 0]);
  state.ready = true;
  vi.advanceTimersByTime(100);
  expect([both.isLeader(), heard.mock.calls.length]).toEqual([true, 1]);
  expect(vi.getTimerCount()).toBe(0);
});

test('what was ready once stays so, and leadership comes and goes', () => {
  state.ready = true;
  const both = whenReady(leadership, () => state.ready);
  const heard = vi.fn();
  both.onChange(heard);
  state.ready = false;
  state.leads = false;
  for (const follower of followers) follower();
  expect([both.isLeader(), heard.mock.calls.length]).toEqual([false, 1]);
  state.leads = true;
  expect(both.isLeader()).toBe(true);
});

test('nobody hears of it after it is closed', () => {
  const both = whenReady(leadership, () => state.ready);
  const heard = vi.fn();
  both.onChange(heard);
  both.close();
  state.ready = true;
  vi.advanceTimersByTime(1_000);
  expect([heard.mock.calls.length, followers.size]).toEqual([0, 0]);
});
