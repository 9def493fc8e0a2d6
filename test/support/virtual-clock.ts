export { VirtualClock, type VirtualClockOptions } from '../../src/testing/virtual-clock.ts'
