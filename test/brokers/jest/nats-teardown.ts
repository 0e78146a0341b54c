import { tearDown } from './runs';

export = () => tearDown('nats');
