import { tearDown } from './runs';

export = () => tearDown('kafka');
