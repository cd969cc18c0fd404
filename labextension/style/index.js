import './chat.css';
