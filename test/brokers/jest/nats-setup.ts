import { setUp } from './runs';

export = () => setUp('nats');
